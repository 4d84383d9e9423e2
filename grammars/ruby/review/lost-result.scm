((_ (call receiver: (_) @object method: (identifier) @name !arguments !block) @finding . (_)) @block
  (#kind? @block "block" "function")
  (#kind? @object "name" "string" "member")
  (#any-of? @name "upcase" "downcase" "capitalize" "swapcase" "strip" "lstrip" "rstrip" "chomp" "chop" "squeeze" "reverse" "sort" "uniq" "compact" "flatten"))
