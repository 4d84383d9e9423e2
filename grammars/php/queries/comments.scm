; PHP: text that is not code.
[
  (comment)
] @comment

[
  (heredoc)
  (heredoc_body)
  (nowdoc)
  (string)
] @string
