; severity: information
((_ (property_declaration (variable_declaration (identifier) @name) (call_expression (identifier) @open)) @finding) @scope
  (#any-of? @open "FileInputStream" "FileOutputStream" "FileReader" "FileWriter" "RandomAccessFile" "ZipFile" "JarFile" "Socket" "ServerSocket" "DatagramSocket")
  (#not-within? @finding "class_body")
  (#kind? @scope "block")
  (#stays? @name @scope)
  (#not-contains? @scope "use")
  (#not-contains? @scope "close"))
