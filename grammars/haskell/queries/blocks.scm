; Haskell: nodes that open a block.
[
  (class_declarations)
  (data_constructors)
  (do_module)
  (fields)
  (gadt_constructors)
  (instance_declarations)
  (rec)
] @block
