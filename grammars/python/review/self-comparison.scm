((comparison_operator . (_) @left operators: ["==" "<" ">" "<=" ">=" "is"] @operator (_) @right .) @finding
  (#same? @left @right)
  (#pure? @left)
  (#not-kind? @left "number" "string" "name")
  (#not-within? @finding "assert_statement"))
((comparison_operator . (_) @left operators: ["<" ">" "<=" ">="] @operator (_) @right .) @finding
  (#same? @left @right)
  (#kind? @left "name")
  (#not-within? @finding "assert_statement"))
