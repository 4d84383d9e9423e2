((object (pair key: [(property_identifier) (string) (number)] @key @related) @finding) @object
  (#repeated? @key @object @related))
