((if_statement
   condition: (_) @related
   alternative: (else_clause (if_statement condition: (_) @condition) @finding))
  (#same? @related @condition)
  (#pure? @related))
((if_statement
   condition: (_) @related
   alternative: (else_clause (if_statement
     alternative: (else_clause (if_statement condition: (_) @condition) @finding))))
  (#same? @related @condition)
  (#pure? @related))
((if_statement
   condition: (_) @related
   alternative: (else_clause (if_statement
     alternative: (else_clause (if_statement
       alternative: (else_clause (if_statement condition: (_) @condition) @finding))))))
  (#same? @related @condition)
  (#pure? @related))
