; rewrite: raise {made}
((expression_statement (call function: (_) @name) @made @finding)
  (#match? @name "(^|[.])[A-Z][A-Za-z]*$")
  (#match? @name "(Error|Exception)$")
  (#not-match? @name "(^|[.])(Set|Get|Raise|Throw|Show|Print|Log|Emit|Report|Handle|Add|Write|Send|On|Is|Has|Check|Assert|Clear|Last)[A-Z]")
  (#not-within? @finding "with_statement"))
