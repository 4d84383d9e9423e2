; message: this is never reached: the command before it leaves
((compound_statement (command name: (command_name) @name) @before . (_) @finding)
  (#any-of? @name "exit" "return" "exec")
  (#not-match? @before "^exec +([0-9]*[<>]|.*[|]|[{])")
  (#not-match? @before "^exec *$")
  (#not-kind? @finding "function" "comment"))
((program (command name: (command_name) @name) @before . (_) @finding)
  (#eq? @name "exit")
  (#not-kind? @finding "function" "comment"))
