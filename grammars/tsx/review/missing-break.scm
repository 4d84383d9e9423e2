((switch_case (_) @last .) @finding . [(switch_case) (switch_default)]
  (#not-may-end? @last)
  (#not-match? @last "^;$")
  (#kind? @last "statement" "call" "assign" "if" "block")
  (#has? @finding "break_statement")
  (#not-has? @finding "switch_statement")
  (#not-commented? @finding))
