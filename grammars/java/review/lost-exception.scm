; rewrite: throw {made}
((expression_statement (object_creation_expression type: (_) @name) @made @finding)
  (#match? @name "(Exception|Error)$")
  (#not-within? @finding "switch_rule"))
