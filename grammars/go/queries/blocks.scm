; Go: nodes that open a block.
[
  (block)
  (field_declaration_list)
] @block
