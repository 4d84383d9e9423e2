((block (local_variable_declaration declarator: (variable_declarator name: (identifier) @name value: (object_creation_expression type: (type_identifier) @open))) @related @finding) @scope
  (#any-of? @open "FileInputStream" "FileOutputStream" "FileReader" "FileWriter" "RandomAccessFile" "ZipFile" "JarFile" "Socket" "ServerSocket" "DatagramSocket" "PrintWriter" "BufferedReader" "BufferedWriter")
  (#stays? @name @scope)
  (#left-open? @name @finding "close"))
