((block (variable_declaration (assignment_statement (variable_list . name: (identifier) @name @finding .)))) @scope
  (#not-match? @name "^_")
  (#unread? @name @scope))
