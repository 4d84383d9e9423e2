; message: '{finding}' is never used
((function_definition body: (compound_statement (expression_statement (assignment_expression left: (variable_name (name) @name) @finding)))) @scope
  (#unread? @name @scope)
  (#not-contains? @scope "compact" "extract" "get_defined_vars" "eval" "include" "require"))
((method_declaration body: (compound_statement (expression_statement (assignment_expression left: (variable_name (name) @name) @finding)))) @scope
  (#unread? @name @scope)
  (#not-contains? @scope "compact" "extract" "get_defined_vars" "eval" "include" "require"))
