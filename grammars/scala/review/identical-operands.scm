((infix_expression left: (_) @left operator: (operator_identifier) @operator right: (_) @right) @finding
  (#any-of? @operator "&&" "||")
  (#same? @left @right)
  (#kind? @left "name" "member" "paren" "binary")
  (#not-eq? @left "_")
  (#pure? @left))
((infix_expression
   left: (infix_expression left: (_) @left operator: (operator_identifier) @inner right: (_))
   operator: (operator_identifier) @operator right: (_) @right) @finding
  (#any-of? @operator "&&" "||")
  (#eq? @inner @operator)
  (#same? @left @right)
  (#pure? @left))
