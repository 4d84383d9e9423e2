; rewrite: throw {made}
((expression_statement (object_creation_expression (_) @name) @made @finding)
  (#match? @name "(Exception|Error)$"))
