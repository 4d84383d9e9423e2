((for_statement
   initializer: (_) @init
   condition: (binary_expression left: (identifier) @i operator: "<=" @operator right: (_) @bound) @finding
   body: (_) @body)
  (#not-commented? @finding)
  (#match? @init "= *0;?$")
  (#match? @bound "^(sizeof[^;]*/ *sizeof[^;]*|ARRAY_SIZE\\(.*\\)|[A-Za-z_.>-]+(\\.|->)size\\(\\)|[A-Za-z_.>-]+(\\.|->)length\\(\\)|strlen\\(.*\\))$")
  (#has? @body "subscript_expression"))
