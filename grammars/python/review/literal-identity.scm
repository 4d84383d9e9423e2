; rewrite: {left} == {right}
((comparison_operator . (_) @left operators: "is" @operator [(string) (integer) (float) (list) (dictionary) (set)] @right .) @finding)
