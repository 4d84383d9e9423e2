((if_expression
   condition: (_) @related
   alternative: (else_clause (if_expression condition: (_) @condition) @finding))
  (#same? @related @condition)
  (#pure? @related))
((if_expression
   condition: (_) @related
   alternative: (else_clause (if_expression
     alternative: (else_clause (if_expression condition: (_) @condition) @finding))))
  (#same? @related @condition)
  (#pure? @related))
