((if_statement consequence: (block) @then . alternative: (else_clause body: (block) @other) .) @finding
  (#same? @then @other)
  (#not-commented? @finding)
  (#not-match? @then "^(pass|[.][.][.])$"))
((conditional_expression . (_) @then . (_) . (_) @other .) @finding
  (#same? @then @other))
