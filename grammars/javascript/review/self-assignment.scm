((assignment_expression left: (_) @left right: (_) @right) @finding
  (#same? @left @right)
  (#not-alone? @finding)
  (#not-commented? @finding)
  (#pure? @left)
  (#not-match? @left "(location|href|innerHTML|display|style|src)")) ; setters that do something
