; message: '{left}' is compared with itself
((binary_expression left: (_) @left operator: _ @operator right: (_) @right) @finding
  (#any-of? @operator "==" "=" "!=" "-lt" "-gt" "-le" "-ge" "<" ">")
  (#same? @left @right)
  (#not-has? @left "command_substitution")
  (#not-kind? @left "number"))
