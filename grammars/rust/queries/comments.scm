; Rust: text that is not code.
[
  (block_comment)
  (doc_comment)
  (line_comment)
] @comment

[
  (char_literal)
  (raw_string_literal)
  (string_literal)
] @string
