((assignment left: (_) @left right: (_) @right) @finding
  (#same? @left @right)
  (#kind? @left "name")
  (#not-within? @finding "class" "module"))
