; Bash: text that is not code.
[
  (comment)
] @comment

[
  (ansi_c_string)
  (heredoc_body)
  (raw_string)
  (regex)
  (string)
  (translated_string)
] @string
