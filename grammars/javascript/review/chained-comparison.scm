;; list.map<Item<any>>(...) has types in it that the grammar of JavaScript does not know.
((binary_expression
   left: (binary_expression operator: ["<" "<="]) @comparison
   operator: ["<" "<="]) @finding
  (#not-match? @finding "[A-Za-z0-9_]<[A-Z]"))
((binary_expression
   left: (binary_expression operator: [">" ">="]) @comparison
   operator: [">" ">="]) @finding)
((binary_expression
   left: (binary_expression operator: ["==" "==="]) @comparison
   operator: ["==" "==="] right: (_) @right) @finding
  (#not-any-of? @right "true" "false"))
