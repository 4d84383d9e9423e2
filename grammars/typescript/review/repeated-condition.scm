((if_statement
   condition: (_) @first
   alternative: (else_clause (if_statement condition: (_) @condition) @finding))
  (#same? @first @condition)
  (#pure? @first))
((if_statement
   condition: (_) @first
   alternative: (else_clause (if_statement
     alternative: (else_clause (if_statement condition: (_) @condition) @finding))))
  (#same? @first @condition)
  (#pure? @first))
((if_statement
   condition: (_) @first
   alternative: (else_clause (if_statement
     alternative: (else_clause (if_statement
       alternative: (else_clause (if_statement condition: (_) @condition) @finding))))))
  (#same? @first @condition)
  (#pure? @first))
