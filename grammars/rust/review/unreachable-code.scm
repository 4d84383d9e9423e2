((block (expression_statement [(return_expression) (break_expression) (continue_expression)]) @before . (_) @finding)
  (#not-kind? @finding "function" "class" "comment")
  (#not-match? @finding "^(use|const|static|#|fn|impl|struct|enum) "))
