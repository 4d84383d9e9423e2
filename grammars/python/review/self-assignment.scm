;; A name of a module may be made the module's own, one of a class the class's.
((assignment left: (identifier) @left right: (identifier) @right) @finding
  (#same? @left @right)
  (#not-alone? @finding)
  (#not-commented? @finding)
  (#within? @finding "function_definition"))
((assignment left: (_) @left right: (_) @right) @finding
  (#same? @left @right)
  (#not-alone? @finding)
  (#not-commented? @finding)
  (#pure? @left)
  (#kind? @left "member" "index")
  (#not-within? @finding "class_definition"))
