((hash (pair key: [(hash_key_symbol) (string) (integer) (simple_symbol)] @key @related) @finding) @hash
  (#repeated? @key @hash @related))
