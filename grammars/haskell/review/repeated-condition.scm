((conditional if: (_) @first else: (conditional if: (_) @condition) @finding)
  (#same? @first @condition))
((conditional if: (_) @first else: (conditional else: (conditional if: (_) @condition) @finding))
  (#same? @first @condition))
