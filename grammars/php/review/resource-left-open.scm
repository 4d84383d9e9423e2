((compound_statement (expression_statement (assignment_expression left: (variable_name (name) @name) right: (function_call_expression function: (name) @open))) @related @finding) @scope
  (#any-of? @open "fopen" "popen" "opendir" "fsockopen" "tmpfile" "gzopen")
  (#left-open? @name @finding "fclose" "pclose" "closedir" "gzclose"))
