((binary_expression left: (_) @left operator: ["==" "!=" "<" ">" "<=" ">="] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left)
  (#not-kind? @left "number" "string" "name"))
((binary_expression left: (identifier) @left operator: ["<" ">" "<=" ">="] @operator right: (identifier) @right) @finding
  (#same? @left @right))
