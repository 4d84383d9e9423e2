((method body: (body_statement (assignment left: (identifier) @name @finding) (_))) @scope
  (#not-match? @name "^_")
  (#unread? @name @scope)
  (#not-contains? @scope "binding" "eval" "instance_eval"))
