((if_expression consequence: (_) @then alternative: (_) @other) @finding
  (#same? @then @other)
  (#not-match? @then "^([{][[:space:]]*[}]|[(][)])$")
  (#not-commented? @finding))
