; rewrite: throw {made}
((expression_statement (new_expression constructor: (_) @name) @made @finding)
  (#match? @name "(Error|Exception)$"))
