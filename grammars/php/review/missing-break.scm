; severity: information
((switch_block (case_statement (_) @last .) @finding . [(case_statement) (default_statement)])
  (#not-may-end? @last)
  (#kind? @last "statement" "call" "assign" "if" "block")
  (#has? @finding "break_statement")
  (#not-has? @finding "switch_statement")
  (#not-commented? @finding))
