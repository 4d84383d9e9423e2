#include <stddef.h>

/* Größe in €: 😀 takes two units of UTF-16, four bytes of UTF-8. */
int sum_of_values(const int *values, size_t count)
{
    int total = 0;
    for (size_t i = 0; i < count; i++) {
        total += values[i];
    }
    /* Größe 😀 */ <|type:return t|>
}
