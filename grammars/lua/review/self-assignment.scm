((assignment_statement (variable_list . name: (_) @left .) (expression_list . value: (_) @right .)) @finding
  (#same? @left @right)
  (#not-alone? @finding)
  (#not-commented? @finding)
  (#pure? @left)
  (#not-within? @finding "variable_declaration")
  (#not-match? @finding "^local"))
