; Lua: text that is not code.
[
  (comment)
] @comment

[
  (string)
] @string
