((boolean_operator left: (_) @left operator: _ @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left)
  (#not-kind? @left "number" "string"))
;; a or b or a; "a and b and a" is there for its value
((boolean_operator
   left: (boolean_operator left: (_) @left operator: "or" right: (_))
   operator: "or" @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left))
((binary_operator left: (_) @left operator: ["-" "/" "//" "%" "^" "|" "&"] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left)
  (#kind? @left "member" "index"))
