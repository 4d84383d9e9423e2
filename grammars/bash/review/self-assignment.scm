((variable_assignment name: (variable_name) @left value: [
   (simple_expansion . (variable_name) @right .)
   (string . (simple_expansion . (variable_name) @right .) .)
   (expansion . (variable_name) @right .)
   (string . (expansion . (variable_name) @right .) .)]) @finding
  (#same? @left @right)
  (#not-match? @finding "[:#%/?+-]|=[^=]*=")
  (#not-within? @finding "command" "declaration_command"))
