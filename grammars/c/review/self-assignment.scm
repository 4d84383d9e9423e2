((assignment_expression left: (_) @left operator: "=" right: (_) @right) @finding
  (#same? @left @right)
  (#not-alone? @finding)
  (#not-commented? @finding)
  (#pure? @left))
