; severity: information
((block (local_declaration_statement (variable_declaration (variable_declarator name: (identifier) @name (object_creation_expression type: (identifier) @open)))) @finding) @scope
  (#any-of? @open "FileStream" "StreamReader" "StreamWriter" "BinaryReader" "BinaryWriter" "TcpClient" "UdpClient")
  (#not-contains? @finding "using")
  (#stays? @name @scope)
  (#not-contains? @scope "Close")
  (#not-contains? @scope "Dispose")
  (#not-contains? @scope "DisposeAsync"))
