((statement_block [(return_statement) (break_statement) (continue_statement) (throw_statement)] @before . (_) @finding)
  (#not-kind? @finding "function" "class" "comment" "type")
  (#not-has? @finding "labeled_statement" "function_declaration" "generator_function_declaration")
  (#not-match? @finding "^(break|;|var [a-zA-Z, ]*;|type |interface |enum |declare |export )"))
