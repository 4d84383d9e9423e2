((statement_block (lexical_declaration (variable_declarator name: (identifier) @name value: (call_expression function: (_) @open))) @related @finding) @scope
  (#any-of? @open "fs.openSync" "openSync")
  (#left-open? @name @finding "closeSync"))
