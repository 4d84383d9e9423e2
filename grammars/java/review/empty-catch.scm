((catch_clause
   (catch_formal_parameter (catch_type) @type name: (identifier) @name)
   body: (block) @body) @finding
  (#empty? @body)
  (#not-commented? @finding)
  (#any-of? @type "Exception" "Throwable" "RuntimeException" "Error" "IOException")
  (#not-match? @name "^(ignore|expected|unused|_)"))
