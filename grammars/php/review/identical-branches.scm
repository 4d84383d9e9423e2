((if_statement body: (_) @then . alternative: (else_clause body: (_) @other) .) @finding
  (#same? @then @other)
  (#not-empty? @then)
  (#not-commented? @finding))
((conditional_expression body: (_) @then alternative: (_) @other) @finding
  (#same? @then @other))
