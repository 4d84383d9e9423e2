; rewrite: !({operand} {operator} {right})
((binary_expression
   left: (unary_expression operator: "!" argument: (_) @operand)
   operator: ["<" ">" "<=" ">="] @operator
   right: (_) @right) @finding
  (#not-kind? @operand "unary")
  (#not-eq? @operand "operator"))
((binary_expression
   left: (unary_expression operator: "!" argument: (_) @operand)
   operator: "&" @operator
   right: (_) @right) @finding
  (#not-kind? @operand "unary" "paren")
  (#not-match? @right "^[(]*!")
  (#not-match? @right "^[(].*[<>=]"))
