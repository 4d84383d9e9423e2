; Ruby: text that is not code.
[
  (comment)
] @comment

[
  (character)
  (heredoc_body)
  (regex)
  (simple_symbol)
  (string)
] @string
