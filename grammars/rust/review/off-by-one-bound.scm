; message: '{operator}' goes on to {bound} itself, which is one past the last index of '{list}'
; rewrite: {from}..{bound}
;; Only where the body indexes this very list at its top; what leaves or asks first may keep the
;; last round out.
((for_expression
   pattern: (identifier) @i
   value: (range_expression
     (integer_literal) @from . "..=" @operator .
     (call_expression function: (field_expression value: (_) @list field: (field_identifier) @len)) @bound) @finding @replace
   body: (block [
     (expression_statement [
       (call_expression arguments: (arguments (index_expression . (_) @indexed . (_) @index .)))
       (assignment_expression left: (index_expression . (_) @indexed . (_) @index .))
       (assignment_expression right: (index_expression . (_) @indexed . (_) @index .))
       (compound_assignment_expr left: (index_expression . (_) @indexed . (_) @index .))
       (compound_assignment_expr right: (index_expression . (_) @indexed . (_) @index .))])
     (let_declaration value: [
       (index_expression . (_) @indexed . (_) @index .)
       (reference_expression value: (index_expression . (_) @indexed . (_) @index .))])]) @body)
  (#eq? @from "0")
  (#eq? @len "len")
  (#eq? @index @i)
  (#same? @list @indexed)
  (#not-has? @body "if_expression" "match_expression" "break_expression" "return_expression" "while_expression"))
