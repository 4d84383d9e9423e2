((catch_clause (case_block (case_clause pattern: (_) @pattern !body) @finding))
  (#match? @pattern "^(_|[a-z][A-Za-z]*|[a-z_][A-Za-z]* *: *(Exception|Throwable|RuntimeException|Error))$")
  (#not-match? @pattern "^(ignore|expected|unused)")
  (#not-commented? @finding))
