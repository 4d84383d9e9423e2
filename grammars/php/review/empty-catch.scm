((catch_clause type: (_) @type body: (compound_statement) @body) @finding
  (#empty? @body)
  (#not-commented? @finding)
  (#match? @type "^[\\\\]?(Exception|Throwable|Error)$"))
