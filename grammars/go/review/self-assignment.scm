((assignment_statement left: (expression_list . (_) @left .) operator: "=" right: (expression_list . (_) @right .)) @finding
  (#same? @left @right)
  (#not-alone? @finding)
  (#not-commented? @finding)
  (#pure? @left)
  (#not-eq? @left "_"))
