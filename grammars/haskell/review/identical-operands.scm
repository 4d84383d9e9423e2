((infix left_operand: (_) @left operator: (operator) @operator right_operand: (_) @right) @finding
  (#any-of? @operator "&&" "||")
  (#same? @left @right)
  (#not-kind? @left "number")
  (#not-contains? @left "_"))
