((for_statement left: (identifier) @name @finding)
  (#rebinds-outer? @name "left")
  (#not-eq? @name "_"))
