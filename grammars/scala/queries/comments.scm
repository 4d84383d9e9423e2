; Scala: text that is not code.
[
  (block_comment)
  (comment)
] @comment

[
  (character_literal)
  (interpolated_string_expression)
  (string)
] @string
