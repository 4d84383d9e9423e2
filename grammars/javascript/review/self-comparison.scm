((binary_expression left: (_) @left operator: ["==" "===" "<" ">" "<=" ">="] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left)
  (#not-kind? @left "number" "string" "name" "unary"))
((binary_expression left: (_) @left operator: ["<" ">" "<=" ">="] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#kind? @left "name"))
