((if_statement
   !initializer
   condition: (_) @related
   alternative: (if_statement !initializer condition: (_) @condition) @finding)
  (#same? @related @condition)
  (#pure? @related))
((if_statement
   !initializer
   condition: (_) @related
   alternative: (if_statement !initializer alternative: (if_statement !initializer condition: (_) @condition) @finding))
  (#same? @related @condition)
  (#pure? @related))
