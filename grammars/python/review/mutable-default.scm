((function_definition
   parameters: (parameters [
     (default_parameter name: (identifier) @name value: [(list) (dictionary) (set)] @finding)
     (typed_default_parameter name: (identifier) @name value: [(list) (dictionary) (set)] @finding)])
   body: (_) @body)
  (#member? @name @body "append" "extend" "update" "add" "insert" "setdefault" "pop" "popitem" "remove" "clear" "sort" "reverse"))
