; Lua: nodes that open a block.
[
  (block)
  (do_statement)
] @block
