((conditional if: (_) @related else: (conditional if: (_) @condition) @finding)
  (#same? @related @condition))
((conditional if: (_) @related else: (conditional else: (conditional if: (_) @condition) @finding))
  (#same? @related @condition))
