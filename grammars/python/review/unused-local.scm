((function_definition body: (block (expression_statement (assignment left: (identifier) @name @finding)))) @scope
  (#not-match? @name "^_")
  (#unread? @name @scope)
  (#not-contains? @scope "locals" "eval" "exec" "vars" "global" "nonlocal"))
