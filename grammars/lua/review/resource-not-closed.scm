; severity: information
((_ (variable_declaration (assignment_statement (variable_list . (identifier) @name) (expression_list . (function_call name: (_) @open)))) @finding) @scope
  (#any-of? @open "io.open" "io.popen" "assert")
  (#match? @finding "io.(p?open)[[:space:]]*[(]")
  (#kind? @scope "block" "function")
  (#stays? @name @scope "assert")
  (#not-contains? @scope "close"))
