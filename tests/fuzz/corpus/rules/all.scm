; title: t
; severity: hint
; confidence: 0.5
; safe: yes
; help: one
; help: two
; message: {a} and {b}
; rewrite: {b}
;; a comment
((binary_expression left: (_) @a right: (_) @b) @finding
  (#same? @a @b) (#pure? @a) (#not-empty? @finding) (#not-commented? @finding) (#not-alone? @finding)
  (#kind? @finding "binary" "call") (#within? @a "if_statement") (#has? @finding "identifier")
  (#contains? @finding "x") (#line? @a @b) (#not-ends? @a) (#not-may-end? @b)
  (#match? @a "^[a-z]{1,3}$") (#eq? @a @b) (#any-of? @a "x" "y"))
((call_expression arguments: (argument_list . (_) @replace) @b) @finding
  (#not-formats? @replace @b "printf" 1) (#not-repeated? @replace @b))
((function_definition declarator: (_) @a body: (_) @b) @finding
  (#stays? @a @b) (#not-unread? @a @b) (#not-rebinds-outer? @a "left"))
