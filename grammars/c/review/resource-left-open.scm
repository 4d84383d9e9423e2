((compound_statement (declaration declarator: (init_declarator declarator: (pointer_declarator declarator: (identifier) @name) value: (call_expression function: (identifier) @open))) @related @finding) @scope
  (#any-of? @open "fopen" "fdopen" "freopen" "tmpfile" "popen" "opendir")
  (#not-contains? @related "static")
  (#stays? @name @scope "fread" "fwrite" "fgets" "fputs" "fgetc" "fputc" "getc" "putc" "fprintf" "vfprintf" "fscanf" "fseek" "fseeko" "ftell" "ftello" "rewind" "feof" "ferror" "fflush" "setvbuf" "fileno" "readdir" "rewinddir" "telldir" "seekdir" "dirfd" "fclose" "pclose" "closedir")
  (#left-open? @name @finding "fclose" "pclose" "closedir"))
