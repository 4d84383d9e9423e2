/* seen.h: texts in which nothing was found, so that they need not be looked at again.
 *
 * Of a text only a hash of 128 bits is kept, of its bytes and of what it was reviewed with (the
 * caller's sum: program, rules, model). A set is bounded: what was not asked for longest goes
 * first.
 *
 * As bytes, little-endian, no padding:
 *
 *   "ESPSEEN1"  u64 entries  u64 FNV-1a of what follows
 *   per entry:  u64 u64, the last one asked for first
 *
 * Bytes are hostile until checked. A set belongs to one thread at a time.
 */
#ifndef ESPALIER_REVIEW_SEEN_H
#define ESPALIER_REVIEW_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REV_SEEN_MAX       (1u << 19) /* texts */
#define REV_SEEN_MIN_BYTES 24u
#define REV_SEEN_MAX_BYTES (REV_SEEN_MIN_BYTES + 16u * REV_SEEN_MAX)

struct rev_seen_key {
    uint64_t a, b;
};

struct rev_seen;

struct rev_seen *rev_seen_new(void); /* NULL when memory ran out */
void rev_seen_free(struct rev_seen *seen);

struct rev_seen_key rev_seen_key(uint64_t sum, const char *text, size_t len);

/* Is it there? Then it was asked for now. */
bool rev_seen_find(struct rev_seen *seen, struct rev_seen_key key);

/* When memory runs out, or the set is full, it is not there afterwards. */
void rev_seen_add(struct rev_seen *seen, struct rev_seen_key key);

size_t rev_seen_count(const struct rev_seen *seen);
bool rev_seen_changed(const struct rev_seen *seen); /* something was added since it was read */

/* The caller's to free; NULL when memory ran out. */
char *rev_seen_write(const struct rev_seen *seen, size_t *len);

/* Into an empty set. NULL, or what is wrong with the bytes: then the set is as it was. */
const char *rev_seen_read(struct rev_seen *seen, const char *bytes, size_t len);

#endif
