((binary left: (_) @left operator: ["&&" "||" "and" "or"] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left))
((binary
   left: (binary left: (_) @left operator: ["&&" "||"] @inner right: (_))
   operator: ["&&" "||"] @operator right: (_) @right) @finding
  (#eq? @inner @operator)
  (#same? @left @right)
  (#pure? @left))
