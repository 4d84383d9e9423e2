((if consequence: (then) @then alternative: (else . (_) @other .)) @finding
  (#not-commented? @finding)
  (#same? @then @other))
((conditional consequence: (_) @then alternative: (_) @other) @finding
  (#same? @then @other))
