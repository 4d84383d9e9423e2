; as: c
