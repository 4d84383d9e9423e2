((binary_expression
   left: (binary_expression operator: ["<" "<="]) @comparison
   operator: ["<" "<="]) @finding)
((binary_expression
   left: (binary_expression operator: [">" ">="]) @comparison
   operator: [">" ">="]) @finding)
((binary_expression
   left: (binary_expression operator: "==" right: (_) @mid) @comparison
   operator: "==" right: (_) @right) @finding
  (#not-match? @right "^(0|1|true|false|TRUE|FALSE|NULL|nullptr)$"))
