/* trail.c: an array and its hash chains. It knows no vocabulary: a token is a number. */
#include "lsp/assist/trail.h"

#include <stdlib.h>
#include <string.h>

bool asst_trail_open(struct asst_trail *t, uint32_t capacity)
{
    t->length = 0;
    t->capacity = capacity;
    t->ids = malloc((capacity + 1) * sizeof *t->ids);
    t->previous = malloc((capacity + 1) * sizeof *t->previous);
    memset(t->last, 0xff, sizeof t->last); /* ASST_TRAIL_NONE */
    return t->ids && t->previous;
}

void asst_trail_close(struct asst_trail *t)
{
    free(t->ids);
    free(t->previous);
}

void asst_trail_copy(struct asst_trail *to, const struct asst_trail *from)
{
    to->length = from->length;
    memcpy(to->ids, from->ids, from->length * sizeof *to->ids);
    memcpy(to->previous, from->previous, from->length * sizeof *to->previous);
    memcpy(to->last, from->last, sizeof to->last);
}

static uint32_t slot_of(int32_t id)
{
    return (uint32_t)id * 0x9E3779B1u >> 18;
}
_Static_assert(ASST_TRAIL_SLOTS == 1u << (32 - 18), "a slot is the hash's upper bits");

void asst_trail_push(struct asst_trail *t, int32_t id)
{
    if (t->length >= t->capacity) return;
    int32_t *last = &t->last[slot_of(id)];
    t->ids[t->length] = id;
    t->previous[t->length] = *last;
    *last = (int32_t)t->length++;
}

void asst_trail_rewind(struct asst_trail *t, uint32_t n)
{
    while (t->length > n) {
        t->length--;
        t->last[slot_of(t->ids[t->length])] = t->previous[t->length];
    }
}

int32_t asst_trail_last(const struct asst_trail *t, int32_t id)
{
    return t->last[slot_of(id)];
}
