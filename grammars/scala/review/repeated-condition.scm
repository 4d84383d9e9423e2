((if_expression
   condition: (_) @first
   alternative: (if_expression condition: (_) @condition) @finding)
  (#same? @first @condition)
  (#pure? @first))
((if_expression
   condition: (_) @first
   alternative: (if_expression alternative: (if_expression condition: (_) @condition) @finding))
  (#same? @first @condition)
  (#pure? @first))
