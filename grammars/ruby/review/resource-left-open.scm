((_ (assignment left: (identifier) @name right: (call receiver: (constant) @class method: (identifier) @open !block)) @related @finding) @scope
  (#eq? @class "File")
  (#any-of? @open "open" "new")
  (#kind? @scope "block" "function")
  (#stays? @name @scope)
  (#left-open? @name @finding "close"))
