; message: nothing is equal to NaN, not even NaN: '{operator}' always gives the same; ask math.IsNaN
((binary_expression left: (_) operator: ["==" "!=" "<" ">"] @operator right: (call_expression) @nan) @finding
  (#eq? @nan "math.NaN()"))
((binary_expression left: (call_expression) @nan operator: ["==" "!=" "<" ">"] @operator right: (_)) @finding
  (#eq? @nan "math.NaN()"))
