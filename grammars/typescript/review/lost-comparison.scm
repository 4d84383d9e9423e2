; rewrite: {left} = {right}
((expression_statement
  (binary_expression left: (_) @left operator: ["==" "==="] right: (_) @right) @finding @replace)
  (#pure? @left))
