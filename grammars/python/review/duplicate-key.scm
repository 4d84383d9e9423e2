((dictionary (pair key: [(string) (integer) (identifier) (attribute)] @key) @finding) @dictionary
  (#repeated? @key @dictionary))
