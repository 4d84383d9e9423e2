((compound_statement [(return_statement) (break_statement) (continue_statement)] @before . (_) @finding)
  (#not-kind? @finding "function" "class" "comment")
  (#not-has? @finding "named_label_statement" "yield_expression")
  (#not-match? @finding "^(break|;|[?]>)"))
