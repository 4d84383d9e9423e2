((infix_expression left: (_) @left operator: (operator_identifier) @operator right: (_) @right) @finding
  (#any-of? @operator "==" "!=" "<" ">" "<=" ">=" "eq")
  (#same? @left @right)
  (#kind? @left "name" "member")
  (#not-eq? @left "_")
  (#not-within? @finding "call_expression"))
