; message: nothing is equal to NaN, not even NaN: '{operator}' always gives the same; ask nan?
((binary operator: ["==" "!="] @operator right: (scope_resolution) @nan) @finding
  (#match? @nan "^(::)?Float::NAN$"))
((binary left: (scope_resolution) @nan operator: ["==" "!="] @operator) @finding
  (#match? @nan "^(::)?Float::NAN$"))
