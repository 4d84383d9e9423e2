((block (local_declaration_statement (variable_declaration (variable_declarator name: (identifier) @name (object_creation_expression type: (identifier) @open)))) @related @finding) @scope
  (#any-of? @open "FileStream" "StreamReader" "StreamWriter" "BinaryReader" "BinaryWriter" "TcpClient" "UdpClient")
  (#not-contains? @related "using")
  (#stays? @name @scope)
  (#left-open? @name @finding "Close" "Dispose"))
