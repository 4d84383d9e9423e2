; rewrite: {left} not in {right}
; safe: yes
; severity: hint
; message: 'not ... in' reads better as 'not in'
; title: A negation before a membership test
((not_operator argument: (comparison_operator . (_) @left operators: "in" (_) @right .)) @finding)
