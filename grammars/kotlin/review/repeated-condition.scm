((if_expression condition: (_) @related . (_) . (if_expression condition: (_) @condition) @finding)
  (#same? @related @condition)
  (#pure? @related))
((if_expression condition: (_) @related . (_) . (if_expression condition: (_) . (_) . (if_expression condition: (_) @condition) @finding))
  (#same? @related @condition)
  (#pure? @related))
((when_expression (when_entry condition: (_) @condition @related) @finding) @when
  (#repeated? @condition @when @related)
  (#pure? @condition))
