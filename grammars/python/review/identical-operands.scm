((boolean_operator left: (_) @left operator: _ @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left)
  (#not-kind? @left "number" "string"))
((boolean_operator
   left: (boolean_operator left: (_) @left operator: _ @inner right: (_))
   operator: _ @operator right: (_) @right) @finding
  (#eq? @inner @operator)
  (#same? @left @right)
  (#pure? @left))
((binary_operator left: (_) @left operator: ["-" "/" "//" "%" "^" "|" "&"] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left)
  (#not-kind? @left "number" "string" "name"))
