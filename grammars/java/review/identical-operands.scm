((binary_expression left: (_) @left operator: ["&&" "||"] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left)
  (#not-kind? @left "number" "string"))
((binary_expression
   left: (binary_expression left: (_) @left operator: ["&&" "||"] @inner right: (_))
   operator: ["&&" "||"] @operator right: (_) @right) @finding
  (#eq? @inner @operator)
  (#same? @left @right)
  (#pure? @left))
;; Of mere names x - x and x / x are idioms of floating-point code.
((binary_expression left: (_) @left operator: ["-" "/" "%"] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left)
  (#kind? @left "member" "index"))
