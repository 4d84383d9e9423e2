; severity: information
((block (statement_list (short_var_declaration left: (expression_list . (identifier) @name) right: (expression_list (call_expression function: (selector_expression) @open))) @finding) @scope)
  (#any-of? @open "os.Open" "os.Create" "os.OpenFile" "os.CreateTemp" "ioutil.TempFile" "net.Dial" "net.DialTimeout" "net.Listen" "zip.OpenReader")
  (#stays? @name @scope "io.ReadAll" "ioutil.ReadAll" "io.Copy" "io.ReadFull" "io.WriteString" "bufio.NewReader" "bufio.NewScanner" "json.NewDecoder" "fmt.Fprint" "fmt.Fprintf" "fmt.Fprintln" "fmt.Fscanf")
  (#not-contains? @scope "Close"))
