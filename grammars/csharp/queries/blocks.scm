; C#: nodes that open a block.
[
  (accessor_list)
  (block)
  (declaration_list)
  (enum_member_declaration_list)
  (switch_body)
] @block
