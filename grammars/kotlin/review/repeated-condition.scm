((if_expression condition: (_) @first . (_) . (if_expression condition: (_) @condition) @finding)
  (#same? @first @condition)
  (#pure? @first))
((if_expression condition: (_) @first . (_) . (if_expression condition: (_) . (_) . (if_expression condition: (_) @condition) @finding))
  (#same? @first @condition)
  (#pure? @first))
((when_expression (when_entry condition: (_) @condition) @finding) @when
  (#repeated? @condition @when)
  (#pure? @condition))
