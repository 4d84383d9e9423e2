((call_expression
   function: (selector_expression operand: (identifier) @package field: (field_identifier) @name)
   arguments: (argument_list . [(interpreted_string_literal) (raw_string_literal)] @format) @arguments) @finding
  (#any-of? @package "fmt" "log")
  (#any-of? @name "Printf" "Sprintf" "Errorf" "Fatalf" "Panicf")
  (#not-match? @arguments "[.][.][.] *,?[[:space:]]*[)]$")
  (#not-match? @format "%[#+]*[TUtqwb]|%[[]")
  (#not-formats? @format @arguments "printf" "1"))
