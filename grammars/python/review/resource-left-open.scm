((block (expression_statement (assignment left: (identifier) @name right: (call function: (identifier) @open))) @related @finding) @scope
  (#eq? @open "open")
  (#stays? @name @scope)
  (#left-open? @name @finding "close"))
