((return_statement) @finding
  (#within? @finding "finally_clause"))
