; Ruby: nodes that open a block.
[
  (begin)
  (begin_block)
  (block)
  (block_body)
  (body_statement)
  (do)
  (do_block)
  (end_block)
  (then)
] @block
