((expression_statement (method_invocation object: (_) name: (identifier) @name arguments: (argument_list) @arguments) @finding)
  (#any-of? @name "trim" "replace" "replaceAll" "replaceFirst" "toLowerCase" "toUpperCase" "substring" "concat" "strip")
  (#not-has? @finding "lambda_expression")
  (#not-match? @finding "([Bb]uilder|[Bb]uffer|[Mm]ap|[Ll]ist|[Pp]arent|[Dd]ocument|[Cc]ontainer|[Ff]ragment|^sb|^[Bb]uf)"))
