((catch_block (identifier) @name (_) @type (block) @body) @finding
  (#empty? @body)
  (#not-commented? @finding)
  (#any-of? @type "Exception" "Throwable" "RuntimeException" "Error")
  (#not-match? @name "^(ignore|expected|unused|_)"))
