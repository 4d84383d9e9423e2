((object (pair key: [(property_identifier) (string) (number)] @key) @finding) @object
  (#repeated? @key @object))
