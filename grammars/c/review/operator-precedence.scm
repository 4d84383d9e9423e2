;; a & b == c is a & (b == c)
((binary_expression
   left: (_) @left operator: ["&" "|" "^"] @operator
   right: (binary_expression operator: ["==" "!="] @inner right: (_) @right)) @finding
  (#not-kind? @left "binary" "unary" "paren")
  (#not-match? @left "[<>=!]"))
