((if_expression
   condition: (_) @first
   alternative: (else_clause (if_expression condition: (_) @condition) @finding))
  (#same? @first @condition)
  (#pure? @first))
((if_expression
   condition: (_) @first
   alternative: (else_clause (if_expression
     alternative: (else_clause (if_expression condition: (_) @condition) @finding))))
  (#same? @first @condition)
  (#pure? @first))
