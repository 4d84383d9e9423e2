#include <stddef.h>

/* 0 when all values are in order, else -1. */
int check_values(const int *values, int count)
{
    for (int i = 0; i < count; i++) {
        if (values[i] < 0) {
            return -1;
        }
    }
    <|type:for (int i|>
    return 0;
}
