; rewrite: Number.isNaN({other})
; message: nothing is equal to NaN, not even NaN: '{operator}' always gives the same; ask Number.isNaN
((binary_expression left: (_) @other operator: ["==" "==="] @operator right: (_) @nan) @finding
  (#any-of? @nan "NaN" "Number.NaN"))
((binary_expression left: (_) @nan operator: ["==" "==="] @operator right: (_) @other) @finding
  (#any-of? @nan "NaN" "Number.NaN"))
((binary_expression left: (_) operator: ["!=" "!==" "<" ">"] @operator right: (_) @nan) @finding
  (#any-of? @nan "NaN" "Number.NaN"))
