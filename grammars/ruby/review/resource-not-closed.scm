; severity: information
((_ (assignment left: (identifier) @name right: (call receiver: (constant) @class method: (identifier) @open !block)) @finding) @scope
  (#eq? @class "File")
  (#any-of? @open "open" "new")
  (#kind? @scope "block" "function")
  (#stays? @name @scope)
  (#not-contains? @scope "close"))
