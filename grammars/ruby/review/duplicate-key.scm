((hash (pair key: [(hash_key_symbol) (string) (integer) (simple_symbol)] @key) @finding) @hash
  (#repeated? @key @hash))
