; rewrite: throw {made}
((expression_statement (new_expression constructor: (_) @name) @made @finding)
  (#match? @name "(Error|Exception)$")
  (#not-within? @finding "try_statement")) ; whether it can be made may be what is tried
