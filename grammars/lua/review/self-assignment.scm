;; A name that is assigned to itself is of no effect; a member may have been meant to get another value.
((assignment_statement (variable_list . name: (_) @left .) (expression_list . value: (_) @right .)) @finding
  (#same? @left @right)
  (#not-alone? @finding)
  (#not-commented? @finding)
  (#pure? @left)
  (#kind? @left "member" "index")
  (#not-within? @finding "variable_declaration")
  (#not-match? @finding "^local"))
