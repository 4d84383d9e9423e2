((binary_expression left: (_) @left operator: ["&&" "||"] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left)
  (#not-kind? @left "number" "string")
  (#not-match? @left "^[A-Z_0-9]+$"))
;; x - x and x / x of floating-point names raise exceptions, x ^ x of registers clears them
((binary_expression left: (_) @left operator: ["-" "/"] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left)
  (#kind? @left "member" "index"))
;; a || b || a
((binary_expression
   left: (binary_expression left: (_) @left operator: ["&&" "||"] @inner right: (_))
   operator: ["&&" "||"] @operator right: (_) @right) @finding
  (#eq? @inner @operator)
  (#same? @left @right)
  (#pure? @left)
  (#not-kind? @left "number"))
