;; a << b + c is a << (b + c)
((binary_expression
   left: (_) operator: ["<<" ">>"] @operator
   right: (binary_expression left: (number_literal) operator: ["+" "-"] @inner)) @finding
  (#not-commented? @finding))
