/* trail.h: tokens in a row, and where each of them has stood before. Internal to assist.
 *
 * For each token the place before it that may hold the same one (a hash chain): a look-up walks
 * over the occurrences of one token only, the last first, and a rewind is as simple as a push.
 */
#ifndef ESPALIER_ASSIST_TRAIL_H
#define ESPALIER_ASSIST_TRAIL_H

#include <stdbool.h>
#include <stdint.h>

#define ASST_TRAIL_SLOTS (1u << 14)
#define ASST_TRAIL_GAP   (-1) /* in place of a token: what follows does not go on from before */
#define ASST_TRAIL_NONE  (-1) /* in place of a number: there is none */

struct asst_trail {
    uint32_t length, capacity;
    int32_t *ids;      /* [capacity] */
    int32_t *previous; /* [capacity]: the place before with a token of the same slot */
    int32_t last[ASST_TRAIL_SLOTS];
};

/* False when out of memory; free it in any case. */
bool asst_trail_open(struct asst_trail *trail, uint32_t capacity);
void asst_trail_close(struct asst_trail *trail);

/* Into one that is open, empty and has the room. */
void asst_trail_copy(struct asst_trail *to, const struct asst_trail *from);

/* Ignored when there is no more room. */
void asst_trail_push(struct asst_trail *trail, int32_t id);

/* Drops what lies at n and behind. */
void asst_trail_rewind(struct asst_trail *trail, uint32_t n);

/* The last place that may hold the token, before place `before`; ASST_TRAIL_NONE for none. Places
 * of other tokens with the same hash come, too. */
static inline int32_t asst_trail_before(const struct asst_trail *trail, uint32_t before)
{
    return trail->previous[before];
}
int32_t asst_trail_last(const struct asst_trail *trail, int32_t id);

#endif
