((if_expression condition: (_) . (_) @then . (_) @other .) @finding
  (#same? @then @other)
  (#not-match? @then "^([{][[:space:]]*[}]|Unit)$")
  (#not-commented? @finding))
