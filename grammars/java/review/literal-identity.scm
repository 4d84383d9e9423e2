; severity: information
; message: '{operator}' asks whether these are the same object; equal strings often are not
; rewrite: {literal}.equals({other})
((binary_expression left: (_) @other operator: "==" @operator right: (string_literal) @literal) @finding
  (#not-commented? @finding)
  (#not-kind? @other "string"))
((binary_expression left: (string_literal) @literal operator: "==" @operator right: (_) @other) @finding
  (#not-match? @other "^null$")
  (#not-kind? @other "string"))
