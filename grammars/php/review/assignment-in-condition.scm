; rewrite: {left} == {right}
((if_statement condition: (parenthesized_expression
   (assignment_expression left: (_) @left right: (_) @right) @assignment @finding))
  (#kind? @right "number" "string")
  (#not-commented? @finding))
