((binary_expression left: (_) @left "or" @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left)
  (#not-kind? @left "number" "string"))
;; a or b or a; "a and b and a" is there for its value
((binary_expression
   left: (binary_expression left: (_) @left "or" right: (_))
   "or" @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left))
((binary_expression left: (_) @left ["-" "/" "%" "//"] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left)
  (#kind? @left "member" "index"))
