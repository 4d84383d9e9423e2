; Python: nodes that open a block.
[
  (block)
] @block
