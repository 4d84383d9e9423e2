((expression_statement (call_expression
   function: (member_expression property: (property_identifier) @name)
   arguments: (arguments) @arguments) @finding)
  (#any-of? @name "trim" "toLowerCase" "toUpperCase" "trimStart" "trimEnd" "padStart" "padEnd" "concat" "slice" "charAt" "toFixed")
  (#not-has? @finding "arrow_function" "function_expression"))
((expression_statement (call_expression
   function: (member_expression object: (_) @object property: (property_identifier) @name)
   arguments: (arguments . [(string) (regex)] . [(string) (template_string)] .)) @finding)
  (#any-of? @name "replace" "replaceAll")
  (#not-match? @object "(history|location|[rR]outer|[nN]avigat|classList|url)"))
