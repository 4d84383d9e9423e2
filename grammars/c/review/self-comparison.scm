;; A number that is not equal to itself is NaN.
((binary_expression left: (_) @left operator: ["<" ">" "<=" ">="] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left)
  (#not-kind? @left "number" "string")
  (#not-match? @left "^[A-Z_0-9]+$")
  (#not-within? @finding "preproc_if" "preproc_elif"))
((binary_expression left: (_) @left operator: ["==" "!="] @operator right: (_) @right) @finding
  (#same? @left @right)
  (#pure? @left)
  (#not-kind? @left "number" "string" "name" "member" "unary")
  (#not-within? @finding "argument_list") ; of assertions
  (#not-within? @finding "preproc_if" "preproc_elif"))
