((catch_clause
   (catch_declaration type: (_) @type name: (identifier)? @name)
   body: (block) @body) @finding
  (#empty? @body)
  (#not-commented? @finding)
  (#any-of? @type "Exception" "System.Exception" "RuntimeException")
  (#not-match? @name "^(ignore|expected|unused|_)"))
