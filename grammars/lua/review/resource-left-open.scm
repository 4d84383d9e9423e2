((_ (variable_declaration (assignment_statement (variable_list . (identifier) @name) (expression_list . (function_call name: (_) @open)))) @related @finding) @scope
  (#any-of? @open "io.open" "io.popen")
  (#kind? @scope "block" "function")
  (#stays? @name @scope "assert")
  (#left-open? @name @finding "close"))
