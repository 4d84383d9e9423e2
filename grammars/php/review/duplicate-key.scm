((array_creation_expression (array_element_initializer . [(string) (integer) (encapsed_string) (class_constant_access_expression)] @key @related . (_)) @finding) @array
  (#repeated? @key @array @related))
