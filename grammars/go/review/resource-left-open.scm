((block (statement_list (short_var_declaration left: (expression_list . (identifier) @name) right: (expression_list (call_expression function: (selector_expression) @open))) @related @finding) @scope)
  (#any-of? @open "os.Open" "os.Create" "os.OpenFile" "os.CreateTemp" "ioutil.TempFile" "net.Dial" "net.DialTimeout" "net.Listen" "zip.OpenReader" "http.Get" "http.Post" "client.Do" "http.DefaultClient.Do")
  (#left-open? @name @finding "Close"))
