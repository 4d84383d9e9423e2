; Bash: nodes that open a block.
[
  (compound_statement)
] @block
