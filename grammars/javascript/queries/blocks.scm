; JavaScript: nodes that open a block.
[
  (class_body)
  (class_static_block)
  (statement_block)
  (switch_body)
] @block
