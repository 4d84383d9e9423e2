((if_statement
   !initializer
   condition: (_) @first
   alternative: (if_statement !initializer condition: (_) @condition) @finding)
  (#same? @first @condition)
  (#pure? @first))
((if_statement
   !initializer
   condition: (_) @first
   alternative: (if_statement !initializer alternative: (if_statement !initializer condition: (_) @condition) @finding))
  (#same? @first @condition)
  (#pure? @first))
