((catch_clause body: (statement_block) @body) @finding
  (#empty? @body)
  (#not-commented? @finding)
  (#not-match? @finding "^catch *[(] *(ignore|expected|unused|_)"))
