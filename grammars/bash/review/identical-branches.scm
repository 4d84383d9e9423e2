((if_statement condition: (_) . (_) @then . (else_clause . (_) @other .)) @finding
  (#same? @then @other)
  (#not-has? @finding "elif_clause")
  (#not-commented? @finding))
