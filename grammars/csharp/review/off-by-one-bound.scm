((for_statement
   initializer: (_) @init
   condition: (binary_expression left: (identifier) @i operator: "<=" @operator right: (_) @bound) @finding
   body: (_) @body)
  (#not-commented? @finding)
  (#match? @init "= *0;?$")
  (#match? @bound "^[A-Za-z_.]+[.](Length|Count)$")
  (#match? @body "[[]i]"))
