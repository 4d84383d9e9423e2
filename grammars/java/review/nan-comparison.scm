; message: nothing is equal to NaN, not even NaN: '{operator}' always gives the same; ask {type}.isNaN
((binary_expression left: (_) operator: ["==" "!=" "<" ">" "<=" ">="] @operator
   right: (field_access object: (identifier) @type field: (identifier) @name)) @finding
  (#any-of? @type "Double" "Float") (#eq? @name "NaN"))
((binary_expression left: (field_access object: (identifier) @type field: (identifier) @name)
   operator: ["==" "!=" "<" ">" "<=" ">="] @operator right: (_)) @finding
  (#any-of? @type "Double" "Float") (#eq? @name "NaN"))
