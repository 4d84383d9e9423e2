; rewrite: {left} = {right}
((expression_statement (comparison_operator . (_) @left operators: "==" (_) @right .) @finding @replace)
  (#pure? @left)
  (#not-within? @finding "with_statement"))
