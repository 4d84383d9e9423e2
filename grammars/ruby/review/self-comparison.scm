((binary left: (_) @left operator: ["==" "!=" "<" ">" "<=" ">=" "==="] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#kind? @left "name")
  (#not-match? @left "^[a-z_]+$")
  (#not-within? @finding "do_block"))
((binary left: (_) @left operator: ["<" ">" "<=" ">="] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#kind? @left "name")
  (#match? @left "^[a-z_]+$")
  (#not-within? @finding "do_block"))
