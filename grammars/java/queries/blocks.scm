; Java: nodes that open a block.
[
  (annotation_type_body)
  (block)
  (class_body)
  (constructor_body)
  (enum_body)
  (enum_body_declarations)
  (interface_body)
  (module_body)
  (switch_block)
] @block
