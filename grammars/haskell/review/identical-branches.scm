((conditional then: (_) @then else: (_) @other) @finding
  (#same? @then @other)
  (#not-commented? @finding))
