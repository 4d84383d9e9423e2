; message: this semicolon is all that '{keyword}' does
((if_statement "if" @keyword consequence: (expression_statement . ";" @finding .) !alternative) @at
  (#line? @keyword @finding)
  (#not-commented? @finding))
((while_statement "while" @keyword body: (expression_statement . ";" @finding .)) . (compound_statement) @below
  (#line? @keyword @finding))
((for_statement "for" @keyword body: (expression_statement . ";" @finding .)) . (compound_statement) @below
  (#line? @keyword @finding))
