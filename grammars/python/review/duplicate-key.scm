((dictionary (pair key: [(string) (integer) (identifier) (attribute)] @key @related) @finding) @dictionary
  (#repeated? @key @dictionary @related))
