((if_statement consequence: (block) @then . alternative: (else_statement body: (block) @other) .) @finding
  (#same? @then @other)
  (#not-commented? @finding))
