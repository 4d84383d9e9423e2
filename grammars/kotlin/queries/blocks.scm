; Kotlin: nodes that open a block.
[
  (anonymous_initializer)
  (block)
  (class_body)
  (enum_class_body)
  (function_body)
] @block
