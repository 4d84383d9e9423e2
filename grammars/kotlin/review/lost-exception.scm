; rewrite: throw {finding}
((block (call_expression (identifier) @name) @finding . (_))
  (#match? @name "^[A-Z][A-Za-z]*(Exception|Error)$"))
