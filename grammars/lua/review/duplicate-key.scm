((table_constructor (field name: [(identifier) (string) (number)] @key @related) @finding) @table
  (#repeated? @key @table @related))
