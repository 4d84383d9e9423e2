((binary_expression left: (_) @left operator: ["&&" "||" "??"] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left)
  (#not-within? @finding "non_null_expression")
  (#not-kind? @left "number" "string"))
;; a || b || a; "a && b && a" is there for its value
((binary_expression
   left: (binary_expression left: (_) @left operator: "||" right: (_))
   operator: "||" @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left))
;; Of mere names x - x and x / x are idioms of floating-point code.
((binary_expression left: (_) @left operator: ["-" "/" "%"] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left)
  (#kind? @left "member" "index"))
