; rewrite: !({operand} {operator} {right})
((binary_expression
   left: (unary_expression operator: "!" argument: (_) @operand)
   operator: ["<" ">" "<=" ">=" "in" "instanceof"] @operator
   right: (_) @right) @finding
  (#not-kind? @operand "unary"))
