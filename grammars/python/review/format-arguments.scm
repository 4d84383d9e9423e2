((binary_operator left: (string) @format operator: "%" right: (tuple) @arguments) @finding
  (#not-match? @format "^[a-zA-Z]*[fF][rR]?[\"']")
  (#not-formats? @format @arguments "percent"))
((call
   function: (attribute object: (string) @format attribute: (identifier) @name)
   arguments: (argument_list) @arguments) @finding
  (#eq? @name "format")
  (#not-match? @format "^[a-zA-Z]*[fF][rR]?[\"']")
  (#not-formats? @format @arguments "braces"))
