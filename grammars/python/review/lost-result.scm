((expression_statement (call
   function: (attribute object: (_) @object attribute: (identifier) @name)
   arguments: (argument_list) @arguments) @finding)
  (#any-of? @name "strip" "lstrip" "rstrip" "lower" "upper" "capitalize" "swapcase" "splitlines")
  (#eq? @arguments "()")
  (#not-match? @object "(^self$|driver|parser|client|encoder|model)"))
((expression_statement (call
   function: (attribute object: (_) @object attribute: (identifier) @name)
   arguments: (argument_list . (string) . (string) .)) @finding)
  (#eq? @name "replace"))
