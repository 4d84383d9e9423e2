((infix left_operand: (_) @left operator: (operator) @operator right_operand: (_) @right) @finding
  (#any-of? @operator "==" "/=" "<" ">" "<=" ">=")
  (#same? @left @right)
  (#kind? @left "call" "member")
  (#not-contains? @left "_")
  (#not-within? @finding "infix"))
((infix left_operand: (variable) @left operator: (operator) @operator right_operand: (variable) @right) @finding
  (#any-of? @operator "<" ">" "<=" ">=")
  (#same? @left @right))
