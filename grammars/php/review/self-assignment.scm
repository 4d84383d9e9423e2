;; A name that is assigned to itself is of no effect; a member may have been meant to get another value.
((assignment_expression left: (_) @left right: (_) @right) @finding
  (#same? @left @right)
  (#not-alone? @finding)
  (#not-commented? @finding)
  (#pure? @left)
  (#kind? @left "member" "index"))
