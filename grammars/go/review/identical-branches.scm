((if_statement !initializer consequence: (block) @then alternative: (block) @other) @finding
  (#same? @then @other)
  (#not-empty? @then)
  (#not-commented? @then)
  (#not-commented? @other))
