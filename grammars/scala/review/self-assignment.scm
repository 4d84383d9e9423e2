((assignment_expression left: (_) @left right: (_) @right) @finding
  (#same? @left @right)
  (#not-alone? @finding)
  (#not-commented? @finding)
  (#pure? @left)
  (#not-within? @finding "arguments" "annotation"))
