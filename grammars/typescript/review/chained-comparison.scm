((binary_expression
   left: (binary_expression operator: ["<" "<="]) @comparison
   operator: ["<" "<="]) @finding)
((binary_expression
   left: (binary_expression operator: [">" ">="]) @comparison
   operator: [">" ">="]) @finding)
((binary_expression
   left: (binary_expression operator: ["==" "==="]) @comparison
   operator: ["==" "==="] right: (_) @right) @finding
  (#not-any-of? @right "true" "false"))
