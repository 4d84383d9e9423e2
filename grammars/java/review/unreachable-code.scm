((block [(return_statement) (break_statement) (continue_statement) (throw_statement)] @before . (_) @finding)
  (#not-kind? @finding "function" "class" "comment")
  (#not-has? @finding "labeled_statement" "local_function_statement")
  (#not-match? @finding "^(break;|;|#)"))
