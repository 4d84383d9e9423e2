; rewrite: raise {made}
((expression_statement (call function: (_) @name) @made @finding)
  (#match? @name "(^|[.])[A-Z][A-Za-z]*$")
  (#match? @name "(Error|Exception)$")
  (#not-within? @finding "with_statement"))
