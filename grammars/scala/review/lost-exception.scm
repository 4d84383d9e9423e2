; rewrite: throw {finding}
((block (instance_expression (_) @name) @finding . (_))
  (#match? @name "(Exception|Error)$"))
