; TSX: nodes that open a block.
[
  (class_body)
  (class_static_block)
  (enum_body)
  (interface_body)
  (object_type)
  (statement_block)
  (switch_body)
] @block
