; message: all errors are caught here and nothing is done about them
((rescue !exceptions !variable !body) @finding
  (#not-commented? @finding)
  (#match? @finding "^rescue[[:space:]]*$"))
((rescue exceptions: (exceptions) @type !body) @finding
  (#any-of? @type "Exception" "StandardError")
  (#not-commented? @finding))
