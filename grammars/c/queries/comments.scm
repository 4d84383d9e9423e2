; C: text that is not code.
[
  (comment)
] @comment

[
  (char_literal)
  (string_literal)
  (system_lib_string)
] @string
