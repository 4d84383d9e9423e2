; message: nothing is equal to NaN, not even NaN: '{operator}' always gives the same; ask IsNaN
((binary_expression left: (_) operator: ["==" "!=" "<" ">" "<=" ">="] @operator right: (_) @nan) @finding
  (#any-of? @nan "double.NaN" "float.NaN" "Double.NaN" "Single.NaN"))
((binary_expression left: (_) @nan operator: ["==" "!=" "<" ">" "<=" ">="] @operator right: (_)) @finding
  (#any-of? @nan "double.NaN" "float.NaN" "Double.NaN" "Single.NaN"))
