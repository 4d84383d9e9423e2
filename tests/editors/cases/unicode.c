#include <stddef.h>

/* Größe in €: 😀 takes two units of UTF-16, four bytes of UTF-8. */
int check_values(const int *values, int count)
{
    for (int i = 0; i < count; i++) {
        if (values[i] < 0) {
            return -1;
        }
    }
    /* Größe 😀 */ <|type:for (int i|>
    return 0;
}
