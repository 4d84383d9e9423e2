; severity: information
((block (expression_statement (assignment left: (identifier) @name right: (call function: (identifier) @open)) @finding)) @scope
  (#eq? @open "open")
  (#not-within? @finding "class_definition")
  (#stays? @name @scope)
  (#not-contains? @scope "close")
  (#has? @scope "attribute"))
