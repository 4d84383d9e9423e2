#include <stddef.h>

struct vector {
    double *values;
    size_t count;
};

double vector_sum(const struct vector *vector)
{
    double sum = 0;
    for (size_t i = 0; i < vector->count; i++) {
        sum += vector->values[i];
    }
    return sum;
}

<|type:double vector_product(⇥⏎{⏎double product = 1;⏎for (⇥⏎product *= ⇥⏎}⏎return product;⏎}|>
