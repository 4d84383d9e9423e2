/* layout.h: many arrays in one block of memory. Internal.
 *
 * Arrays are laid out one after the other, aligned to 64 bytes: once to learn the size, then, with
 * a block of that size, to place them. */
#ifndef ESPALIER_ENGINE_LAYOUT_H
#define ESPALIER_ENGINE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eng_layout {
    uint8_t *base; /* NULL while measuring */
    size_t used;
    bool overflow; /* the size does not fit */
};

/* An array of a * b * c elements; NULL while measuring and for none. */
static inline void *eng_place(struct eng_layout *l, size_t a, size_t b, size_t c, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(a, b, &bytes) || __builtin_mul_overflow(bytes, c, &bytes) ||
        __builtin_mul_overflow(bytes, size, &bytes) || bytes > SIZE_MAX / 4 - l->used) {
        l->overflow = true;
        return NULL;
    }
    void *at = l->base && bytes > 0 ? l->base + l->used : NULL;
    l->used += (bytes + 63) / 64 * 64;
    return at;
}

#endif
