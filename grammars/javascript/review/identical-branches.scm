((if_statement consequence: (_) @then alternative: (else_clause (_) @other)) @finding
  (#same? @then @other)
  (#not-empty? @then)
  (#not-commented? @then)
  (#not-commented? @other))
((ternary_expression condition: (_) @condition consequence: (_) @then alternative: (_) @other) @finding
  (#same? @then @other)
  ;; Types are narrowed by these.
  (#not-match? @condition "(instanceof|isArray|typeof)")
  (#not-commented? @finding))
