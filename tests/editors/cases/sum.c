#include <stddef.h>

/* Adds up the values of an array. */
int sum_of_values(const int *values, size_t count)
{
    int total = 0;
    for (size_t i = 0; i < count; i++) {
        total += values[i];
    }
    <|type:return t|>
}
