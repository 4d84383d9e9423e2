; C: nodes that open a block.
[
  (compound_statement)
  (declaration_list)
  (enumerator_list)
  (field_declaration_list)
] @block
