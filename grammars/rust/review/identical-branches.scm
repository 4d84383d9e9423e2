((if_expression condition: (_) @condition consequence: (block) @then alternative: (else_clause (block) @other)) @finding
  (#same? @then @other)
  (#not-has? @condition "let_condition" "let_chain")
  (#not-empty? @then)
  (#not-commented? @then)
  (#not-commented? @other))
