; message: nothing is equal to NaN, not even NaN: '{operator}' always gives the same; ask math.isnan
((comparison_operator . (_) @other operators: ["==" "!=" "<" ">"] @operator (_) @nan .) @finding
  (#any-of? @nan "math.nan" "np.nan" "numpy.nan" "np.NaN" "float('nan')" "float(\"nan\")" "float('NaN')"))
