((if_statement condition: (_) @condition consequence: (_) @then alternative: (else_clause (_) @other)) @finding
  (#same? @then @other)
  (#not-empty? @then)
  (#not-match? @condition "(accept|consume|match|next|read|eat|skip|take|pop|fetch|advance)[A-Za-z_]*[(]")
  (#not-commented? @then)
  (#not-commented? @other))
((conditional_expression consequence: (_) @then alternative: (_) @other) @finding
  (#same? @then @other))
