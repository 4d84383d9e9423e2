((_ (property_declaration (variable_declaration (identifier) @name) (call_expression (identifier) @open)) @related @finding) @scope
  (#any-of? @open "FileInputStream" "FileOutputStream" "FileReader" "FileWriter" "RandomAccessFile" "ZipFile" "JarFile" "Socket" "ServerSocket" "DatagramSocket")
  (#kind? @scope "block")
  (#stays? @name @scope)
  (#left-open? @name @finding "close"))
