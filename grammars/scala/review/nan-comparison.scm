; message: nothing is equal to NaN, not even NaN: '{operator}' always gives the same; ask isNaN
((infix_expression left: (_) operator: (operator_identifier) @operator right: (_) @nan) @finding
  (#any-of? @operator "==" "!=" "<" ">" "<=" ">=")
  (#any-of? @nan "Double.NaN" "Float.NaN"))
((infix_expression left: (_) @nan operator: (operator_identifier) @operator right: (_)) @finding
  (#any-of? @operator "==" "!=" "<" ">" "<=" ">=")
  (#any-of? @nan "Double.NaN" "Float.NaN"))
