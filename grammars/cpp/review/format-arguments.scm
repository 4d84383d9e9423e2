((call_expression
   function: (identifier) @name
   arguments: (argument_list . (string_literal) @format) @arguments) @finding
  (#eq? @name "printf")
  (#not-formats? @format @arguments "printf" "1"))
((call_expression
   function: (identifier) @name
   arguments: (argument_list . (_) . (string_literal) @format) @arguments) @finding
  (#any-of? @name "fprintf" "sprintf" "dprintf" "syslog")
  (#not-formats? @format @arguments "printf" "2"))
((call_expression
   function: (identifier) @name
   arguments: (argument_list . (_) . (_) . (string_literal) @format) @arguments) @finding
  (#eq? @name "snprintf")
  (#not-formats? @format @arguments "printf" "3"))
