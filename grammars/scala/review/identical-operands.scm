;; Operators of one kind alone, as the grammar does not know which of them binds closer.
((_ (infix_expression left: (_) @left operator: (operator_identifier) @operator right: (_) @right) @finding) @around
  (#not-kind? @around "binary")
  (#any-of? @operator "&&" "||")
  (#same? @left @right)
  (#kind? @left "name" "member" "paren" "binary")
  (#not-eq? @left "_")
  (#pure? @left))
((_ (infix_expression
   left: (infix_expression left: (_) @left operator: (operator_identifier) @inner right: (_))
   operator: (operator_identifier) @operator right: (_) @right) @finding) @around
  (#not-kind? @around "binary")
  (#any-of? @operator "&&" "||")
  (#eq? @inner @operator)
  (#same? @left @right)
  (#pure? @left))
