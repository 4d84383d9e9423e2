((binary_expression left: (_) @left operator: ["==" "!=" "===" "<" ">" "<=" ">="] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left)
  (#kind? @left "name" "member" "index"))
