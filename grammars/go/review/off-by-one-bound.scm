((for_statement
   (for_clause
     initializer: (_) @init
     condition: (binary_expression left: (identifier) @i operator: "<=" @operator right: (_) @bound) @finding)
   body: (_) @body)
  (#not-commented? @finding)
  (#match? @init ":?= *0$")
  (#match? @bound "^len[(][A-Za-z_.]+[)]$")
  (#match? @body "[[]i]"))
