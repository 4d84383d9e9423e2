; message: nothing is equal to NaN, not even NaN: '{operator}' always gives the same; ask isNaN()
((binary_expression left: (_) operator: ["==" "!=" "<" ">" "<=" ">="] @operator right: (_) @nan) @finding
  (#any-of? @nan "Double.NaN" "Float.NaN"))
((binary_expression left: (_) @nan operator: ["==" "!=" "<" ">" "<=" ">="] @operator right: (_)) @finding
  (#any-of? @nan "Double.NaN" "Float.NaN"))
