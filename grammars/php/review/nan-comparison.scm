; message: nothing is equal to NaN, not even NaN: '{operator}' always gives the same; ask is_nan()
((binary_expression left: (_) operator: ["==" "===" "!=" "!==" "<" ">" "<=" ">="] @operator right: (name) @nan) @finding
  (#eq? @nan "NAN"))
((binary_expression left: (name) @nan operator: ["==" "===" "!=" "!==" "<" ">" "<=" ">="] @operator right: (_)) @finding
  (#eq? @nan "NAN"))
