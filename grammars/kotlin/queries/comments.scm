; Kotlin: text that is not code.
[
  (block_comment)
  (line_comment)
] @comment

[
  (character_literal)
  (multiline_string_literal)
  (string_literal)
] @string
