; Haskell: text that is not code.
[
  (comment)
  (haddock)
] @comment

[
  (char)
  (string)
] @string
