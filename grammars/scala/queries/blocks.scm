; Scala: nodes that open a block.
[
  (block)
  (enum_body)
  (indented_block)
  (macro_body)
  (refinement)
  (template_body)
  (with_template_body)
] @block
