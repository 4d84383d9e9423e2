; severity: information
((compound_statement (declaration declarator: (init_declarator declarator: (pointer_declarator declarator: (identifier) @name) value: (call_expression function: (identifier) @open))) @finding) @scope
  (#any-of? @open "fopen" "fdopen" "freopen" "tmpfile" "popen")
  (#not-contains? @finding "static")
  (#stays? @name @scope "fread" "fwrite" "fgets" "fputs" "fgetc" "fputc" "getc" "putc" "fprintf" "vfprintf" "fscanf" "fseek" "fseeko" "ftell" "ftello" "rewind" "feof" "ferror" "fflush" "setvbuf" "fileno"))
((compound_statement (declaration declarator: (init_declarator declarator: (pointer_declarator declarator: (identifier) @name) value: (call_expression function: (identifier) @open))) @finding) @scope
  (#eq? @open "opendir")
  (#not-contains? @finding "static")
  (#stays? @name @scope "readdir" "rewinddir" "telldir" "seekdir" "dirfd"))
