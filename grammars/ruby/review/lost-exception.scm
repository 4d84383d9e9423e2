; rewrite: raise {finding}
((_ (call receiver: (_) @name method: (identifier) @new) @finding . (_)) @block
  (#kind? @block "block" "function")
  (#eq? @new "new")
  (#match? @name "(Exception|Error)$"))
