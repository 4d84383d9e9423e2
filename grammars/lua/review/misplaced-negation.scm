; rewrite: not ({operand} {operator} {right})
((binary_expression
   left: (unary_expression operand: (_) @operand) @negation
   ["==" "~=" "<" ">" "<=" ">="] @operator
   right: (_) @right) @finding
  (#match? @negation "^not ")
  (#not-match? @right "^(not |true$|false$)"))
