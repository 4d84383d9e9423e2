((block [(return_expression) (throw_expression)] @before . (_) @finding)
  (#not-line? @before @finding)
  (#not-kind? @finding "function" "class" "comment"))
