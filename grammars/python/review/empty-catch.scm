; message: all errors are caught here and nothing is done about them
((except_clause) @finding
  (#match? @finding "^except *((BaseException|Exception)( as [a-z]+)?)? *:[[:space:]]*pass[[:space:]]*$")
  (#not-commented? @finding))
