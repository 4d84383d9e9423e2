((assignment left: (_) @left right: (_) @right) @finding
  (#same? @left @right)
  (#not-alone? @finding)
  (#not-commented? @finding)
  (#match? @left "^@")
  (#not-within? @finding "class" "module"))
