; JavaScript: text that is not code.
[
  (comment)
  (html_comment)
] @comment

[
  (regex)
  (string)
  (template_string)
] @string
