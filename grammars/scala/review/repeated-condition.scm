((if_expression
   condition: (_) @related
   alternative: (if_expression condition: (_) @condition) @finding)
  (#same? @related @condition)
  (#pure? @related))
((if_expression
   condition: (_) @related
   alternative: (if_expression alternative: (if_expression condition: (_) @condition) @finding))
  (#same? @related @condition)
  (#pure? @related))
