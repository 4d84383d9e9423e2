((table_constructor (field name: [(identifier) (string) (number)] @key) @finding) @table
  (#repeated? @key @table))
