((statement_block (lexical_declaration (variable_declarator name: (identifier) @name @finding))) @scope
  (#not-match? @name "^_")
  (#unread? @name @scope)
  (#not-contains? @scope "eval"))
