((block [(return_statement) (raise_statement) (break_statement) (continue_statement)] @before . (_) @finding)
  (#not-kind? @finding "function" "class" "comment")
  (#not-has? @finding "yield")
  (#not-match? @finding "^(pass|[.][.][.]|\"|'|return( NotImplemented| None| self| False| True| 0)?$)"))
