; C++: text that is not code.
[
  (comment)
] @comment

[
  (char_literal)
  (raw_string_literal)
  (string_literal)
  (system_lib_string)
] @string
