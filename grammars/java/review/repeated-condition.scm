((if_statement
   condition: (_) @related
   alternative: (if_statement condition: (_) @condition) @finding)
  (#same? @related @condition)
  (#pure? @related))
((if_statement
   condition: (_) @related
   alternative: (if_statement alternative: (if_statement condition: (_) @condition) @finding))
  (#same? @related @condition)
  (#pure? @related))
((if_statement
   condition: (_) @related
   alternative: (if_statement alternative: (if_statement
     alternative: (if_statement condition: (_) @condition) @finding)))
  (#same? @related @condition)
  (#pure? @related))
