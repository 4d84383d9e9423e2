; Rust: nodes that open a block.
[
  (async_block)
  (block)
  (const_block)
  (declaration_list)
  (enum_variant_list)
  (field_declaration_list)
  (gen_block)
  (ordered_field_declaration_list)
  (unsafe_block)
] @block
