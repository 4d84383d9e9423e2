((if_statement
   condition: (_) @first
   alternative: (if_statement condition: (_) @condition) @finding)
  (#same? @first @condition)
  (#pure? @first))
((if_statement
   condition: (_) @first
   alternative: (if_statement alternative: (if_statement condition: (_) @condition) @finding))
  (#same? @first @condition)
  (#pure? @first))
((if_statement
   condition: (_) @first
   alternative: (if_statement alternative: (if_statement
     alternative: (if_statement condition: (_) @condition) @finding)))
  (#same? @first @condition)
  (#pure? @first))
