((expression_statement (function_call_expression function: (name) @name) @finding)
  (#any-of? @name "trim" "rtrim" "ltrim" "strtolower" "strtoupper" "ucfirst" "lcfirst" "ucwords" "str_replace" "substr" "implode" "explode" "array_merge" "array_unique" "array_reverse" "array_keys" "array_values" "sprintf" "htmlspecialchars" "str_pad" "strrev" "number_format" "nl2br"))
