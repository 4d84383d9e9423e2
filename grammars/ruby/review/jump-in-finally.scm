;; One that asks for the error on its way ($!) knows what it does.
((ensure (return) @finding)
  (#not-commented? @finding))
((ensure [
   (if_modifier body: (return) @finding condition: (_) @condition)
   (unless_modifier body: (return) @finding condition: (_) @condition)
   (if condition: (_) @condition consequence: (then (return) @finding))
   (unless condition: (_) @condition consequence: (then (return) @finding))])
  (#not-match? @condition "[$](!|ERROR_INFO)")
  (#not-commented? @finding))
