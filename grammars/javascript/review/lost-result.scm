((expression_statement (call_expression
   function: (member_expression object: (_) @object property: (property_identifier) @name)
   arguments: (arguments) @arguments) @finding)
  ;; What is no string or array is changed in place.
  (#kind? @object "name" "string" "call" "index")
  (#not-match? @object "(^(this$|[A-Z])|editor)")
  (#not-match? @object "([mM]agic|[sS]ource|[cC]ode|[mM]atrix|[tT]ransform|^m[0-9]*$)")
  (#any-of? @name "trim" "toLowerCase" "toUpperCase" "trimStart" "trimEnd" "padStart" "padEnd" "concat" "slice" "charAt" "toFixed")
  (#not-has? @finding "arrow_function" "function_expression"))
((expression_statement (call_expression
   function: (member_expression object: (_) @object property: (property_identifier) @name)
   arguments: (arguments . [(string) (regex)] . [(string) (template_string)] .)) @finding)
  (#any-of? @name "replace" "replaceAll")
  (#not-match? @object "(history|location|[rR]outer|[nN]avigat|classList|url)"))
