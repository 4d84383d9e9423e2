/* A set of hashes: entries in the order in which they came, and a table of their numbers by hash,
 * with linear probing. Nothing is ever taken out; what is too much is left behind in writing.
 */
#include "lsp/assist/review/seen.h"
#include "syntax/bytes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 24, ENTRY = 16 };
static_assert(HEADER == REV_SEEN_MIN_BYTES, "the header's fields fill it");

static const char magic[] = "ESPSEEN1";

struct entry {
    struct rev_seen_key key;
    bool asked; /* for, since the set was read */
};

struct rev_seen {
    struct entry *list;
    size_t count, capacity; /* capacity: half of the table's places at most */
    uint32_t *table;        /* number of an entry + 1; 0: free */
    size_t places;          /* a power of two */
    bool changed;
};

struct rev_seen *rev_seen_new(void)
{
    return calloc(1, sizeof(struct rev_seen));
}

void rev_seen_free(struct rev_seen *seen)
{
    if (!seen) return;
    free(seen->list);
    free(seen->table);
    free(seen);
}

struct rev_seen_key rev_seen_key(uint64_t sum, const char *text, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)text;
    struct rev_seen_key key = {syn_hash(SYN_HASH_START ^ sum, bytes, len),
                               sum ^ (len * UINT64_C(0x9E3779B97F4A7C15))};
    for (size_t i = 0; i < len; i++) /* another function of the same bytes */
        key.b = ((key.b << 23 | key.b >> 41) + bytes[i]) * UINT64_C(0xD6E8FEB86659FD93);
    return key;
}

/* The key's place, or the free one where it would be. */
static uint32_t *place_of(const struct rev_seen *seen, struct rev_seen_key key)
{
    for (size_t i = key.a & (seen->places - 1);; i = (i + 1) & (seen->places - 1)) {
        uint32_t *place = &seen->table[i];
        const struct entry *entry = *place ? &seen->list[*place - 1] : NULL;
        if (!entry || (entry->key.a == key.a && entry->key.b == key.b)) return place;
    }
}

static bool grow(struct rev_seen *seen)
{
    size_t capacity = seen->capacity ? 2 * seen->capacity : 256;
    struct entry *list = realloc(seen->list, capacity * sizeof *list);
    if (list) seen->list = list;
    uint32_t *table = list ? calloc(2 * capacity, sizeof *table) : NULL;
    if (!table) return false;
    free(seen->table);
    seen->table = table;
    seen->places = 2 * capacity;
    seen->capacity = capacity;
    for (size_t i = 0; i < seen->count; i++)
        *place_of(seen, seen->list[i].key) = (uint32_t)i + 1;
    return true;
}

bool rev_seen_find(struct rev_seen *seen, struct rev_seen_key key)
{
    uint32_t *place = seen->count > 0 ? place_of(seen, key) : NULL;
    if (!place || !*place) return false;
    seen->list[*place - 1].asked = true;
    return true;
}

static void put(struct rev_seen *seen, struct rev_seen_key key, bool asked)
{
    if (seen->count == 2 * (size_t)REV_SEEN_MAX) return; /* more is not written anyway */
    if (seen->count == seen->capacity && !grow(seen)) return;
    uint32_t *place = place_of(seen, key);
    if (*place) return;
    seen->list[seen->count] = (struct entry){key, asked};
    *place = (uint32_t)++seen->count;
    seen->changed |= asked;
}

void rev_seen_add(struct rev_seen *seen, struct rev_seen_key key)
{
    put(seen, key, true);
}

size_t rev_seen_count(const struct rev_seen *seen)
{
    return seen->count;
}

bool rev_seen_changed(const struct rev_seen *seen)
{
    return seen->changed;
}

/* ---- As bytes ---------------------------------------------------------------------- */

static void put_number(unsigned char *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t number_at(const unsigned char *bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

char *rev_seen_write(const struct rev_seen *seen, size_t *len)
{
    size_t n = seen->count < REV_SEEN_MAX ? seen->count : REV_SEEN_MAX, at = HEADER;
    unsigned char *bytes = malloc(HEADER + ENTRY * n);
    if (!bytes) return NULL;
    for (int asked = 1; asked >= 0; asked--)
        for (size_t i = 0; i < seen->count && at < HEADER + ENTRY * n; i++) {
            if (seen->list[i].asked != (asked == 1)) continue;
            put_number(bytes + at, seen->list[i].key.a);
            put_number(bytes + at + 8, seen->list[i].key.b);
            at += ENTRY;
        }
    memcpy(bytes, magic, 8);
    put_number(bytes + 8, n);
    put_number(bytes + 16, syn_hash(SYN_HASH_START, bytes + HEADER, at - HEADER));
    *len = at;
    return (char *)bytes;
}

const char *rev_seen_read(struct rev_seen *seen, const char *text, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (len < HEADER || memcmp(bytes, magic, 8) != 0) return "not a list of texts";
    uint64_t n = number_at(bytes + 8);
    if (n > REV_SEEN_MAX || len - HEADER != ENTRY * n) return "not as long as it says";
    if (number_at(bytes + 16) != syn_hash(SYN_HASH_START, bytes + HEADER, len - HEADER))
        return "a wrong checksum";
    for (const unsigned char *at = bytes + HEADER; at < bytes + len; at += ENTRY)
        put(seen, (struct rev_seen_key){number_at(at), number_at(at + 8)}, false);
    return NULL;
}
