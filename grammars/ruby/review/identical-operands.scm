((binary left: (_) @left operator: ["&&" "||" "and" "or"] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left))
;; a || b || a; "a && b && a" is there for its value
((binary
   left: (binary left: (_) @left operator: "||" right: (_))
   operator: "||" @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left))
