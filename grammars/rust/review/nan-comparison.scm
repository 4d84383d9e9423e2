; message: nothing is equal to NaN, not even NaN: '{operator}' always gives the same; ask is_nan()
; rewrite: {other}.is_nan()
((binary_expression left: (_) @other operator: "==" @operator right: (_) @nan) @finding
  (#match? @nan "^(std::)?f(32|64)::NAN$"))
((binary_expression left: (_) @nan operator: "==" @operator right: (_) @other) @finding
  (#match? @nan "^(std::)?f(32|64)::NAN$"))
