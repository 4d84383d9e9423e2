((block [(return_expression) (throw_expression)] @before . (_) @finding)
  (#not-match? @before "([Nn]ot.?([Yy]et.?)?[Ii]mpl|[Uu]nimpl|TODO|FIXME)")
  (#not-line? @before @finding)
  (#not-kind? @finding "function" "class" "comment"))
