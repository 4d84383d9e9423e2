/* tokenizer_merge.c: byte-pair merging of one pre-token.
 *
 * A pre-token starts as one symbol a byte (by score: one a character) in a linked list over
 * an array. The adjacent pair of lowest rank is merged, the leftmost of equals first, until
 * no pair is left that can be. Nearly all pre-tokens are short: these live on the stack and
 * the lowest rank is found by looking at all, which beats any data structure at that size.
 * Longer ones keep their candidates in a binary heap: O(n log n), so that a megabyte of one
 * letter is no attack. Entries in the heap are not removed when a symbol changes; an entry
 * whose symbols are no longer as it saw them is dropped when it surfaces.
 *
 * Most pre-tokens of code are one token. Which pieces their own merges build up again is
 * found once, at load; text that equals such a piece needs one look-up. Nothing is cached
 * between pre-tokens: the tokenizer is shared by threads and immutable. */
#include "engine/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

#define SHORT_SYMBOLS 32
#define NO_RANK       UINT32_MAX
#define NONE          UINT32_MAX

struct symbol {
    uint32_t start, len; /* bytes of the text; len 0: merged into the one before */
    int32_t id;          /* -1: no piece has this text (by score only) */
    uint32_t previous, next;
};

struct candidate {
    uint32_t rank;
    uint32_t left;  /* index of the left symbol */
    uint32_t bytes; /* length of both when seen */
    int32_t result;
};

/* What merging two adjacent symbols gives; rank NO_RANK when they do not merge. */
static struct candidate look_at(const struct eng_tokenizer *t, const char *text,
                                const struct symbol *symbols, uint32_t left)
{
    const struct symbol *l = &symbols[left], *r = &symbols[l->next];
    struct candidate c = {NO_RANK, left, l->len + r->len, -1};
    if (t->by_score) {
        c.result = eng_find_piece(t, text + l->start, c.bytes, false);
        if (c.result >= 0) c.rank = t->ranks[c.result];
        return c;
    }
    const struct eng_pair *pair = eng_find_pair(t, l->id, r->id);
    if (pair) {
        c.rank = pair->rank;
        c.result = pair->result;
    }
    return c;
}

static void join(struct symbol *symbols, uint32_t left, int32_t result)
{
    struct symbol *l = &symbols[left], *r = &symbols[l->next];
    l->len += r->len;
    l->id = result;
    r->len = 0;
    l->next = r->next;
    if (l->next != NONE) symbols[l->next].previous = left;
}

/* Bytes of the character that starts at text[at], by its first byte. */
static uint32_t character_bytes(const char *text, uint32_t at, uint32_t end)
{
    unsigned char c = (unsigned char)text[at];
    uint32_t n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return n < end - at ? n : end - at;
}

static uint32_t first_symbols(const struct eng_tokenizer *t, const char *text, uint32_t start,
                              uint32_t end, struct symbol *symbols)
{
    uint32_t n = 0;
    for (uint32_t at = start; at < end; n++) {
        struct symbol *s = &symbols[n];
        s->start = at;
        s->len = t->by_score ? character_bytes(text, at, end) : 1;
        s->id = t->by_score ? eng_find_piece(t, text + at, s->len, false)
                            : t->byte_ids[(unsigned char)text[at]];
        s->previous = n > 0 ? n - 1 : NONE;
        at += s->len;
        s->next = at < end ? n + 1 : NONE;
    }
    return n;
}

/* ---- Short pre-tokens -------------------------------------------------------------- */

static void merge_short(const struct eng_tokenizer *t, const char *text, struct symbol *symbols,
                        uint32_t n)
{
    struct candidate seen[SHORT_SYMBOLS];
    for (uint32_t i = 0; i + 1 < n; i++)
        seen[i] = look_at(t, text, symbols, i);
    for (;;) {
        uint32_t best = NONE, best_rank = NO_RANK;
        for (uint32_t i = 0; symbols[i].next != NONE; i = symbols[i].next)
            if (seen[i].rank < best_rank) {
                best = i;
                best_rank = seen[i].rank;
            }
        if (best == NONE) return;
        join(symbols, best, seen[best].result);
        if (symbols[best].next != NONE) seen[best] = look_at(t, text, symbols, best);
        uint32_t before = symbols[best].previous;
        if (before != NONE) seen[before] = look_at(t, text, symbols, before);
    }
}

/* ---- Long pre-tokens --------------------------------------------------------------- */

/* A binary heap, the best candidate at the root. Each merge takes one entry off and puts
 * two on at most, so twice the symbols is room enough. */
struct heap {
    struct candidate *entries;
    size_t count;
};

static bool is_before(const struct candidate *a, const struct candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->left < b->left;
}

static void push(struct heap *h, struct candidate c)
{
    size_t i = h->count++;
    while (i > 0 && is_before(&c, &h->entries[(i - 1) / 2])) {
        h->entries[i] = h->entries[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    h->entries[i] = c;
}

static struct candidate pop(struct heap *h)
{
    struct candidate top = h->entries[0], last = h->entries[--h->count];
    size_t i = 0;
    for (size_t child = 1; child < h->count; child = 2 * i + 1) {
        if (child + 1 < h->count && is_before(&h->entries[child + 1], &h->entries[child])) child++;
        if (!is_before(&h->entries[child], &last)) break;
        h->entries[i] = h->entries[child];
        i = child;
    }
    h->entries[i] = last;
    return top;
}

static void push_pair(const struct eng_tokenizer *t, const char *text, const struct symbol *symbols,
                      uint32_t left, struct heap *h)
{
    if (left == NONE || symbols[left].next == NONE) return;
    struct candidate c = look_at(t, text, symbols, left);
    if (c.rank != NO_RANK) push(h, c);
}

static void merge_long(const struct eng_tokenizer *t, const char *text, struct symbol *symbols,
                       uint32_t n, struct candidate *entries)
{
    struct heap h = {entries, 0};
    for (uint32_t i = 0; i + 1 < n; i++)
        push_pair(t, text, symbols, i, &h);
    while (h.count > 0) {
        struct candidate c = pop(&h);
        const struct symbol *l = &symbols[c.left];
        if (l->len == 0 || l->next == NONE || l->len + symbols[l->next].len != c.bytes) continue;
        join(symbols, c.left, c.result);
        push_pair(t, text, symbols, c.left, &h);
        push_pair(t, text, symbols, l->previous, &h);
    }
}

static bool reserve(struct eng_merge_scratch *scratch, size_t n)
{
    if (n <= scratch->capacity) return true;
    void *symbols = realloc(scratch->symbols, n * sizeof(struct symbol));
    if (symbols) scratch->symbols = symbols;
    void *heap = realloc(scratch->heap, 2 * n * sizeof(struct candidate));
    if (heap) scratch->heap = heap;
    if (!symbols || !heap) return false;
    scratch->capacity = n;
    return true;
}

void eng_merge_scratch_free(struct eng_merge_scratch *scratch)
{
    free(scratch->symbols);
    free(scratch->heap);
    *scratch = (struct eng_merge_scratch){0};
}

/* ---- Interface --------------------------------------------------------------------- */

static void emit(struct eng_token_sink *sink, int32_t id, uint32_t start, uint32_t len)
{
    if (sink->count < sink->capacity)
        sink->out[sink->count] = (struct eng_token){id, start, start + len};
    sink->count++;
}

/* Symbols that no piece covers become one token a byte. */
static void emit_all(const struct eng_tokenizer *t, const char *text, const struct symbol *symbols,
                     struct eng_token_sink *sink)
{
    for (uint32_t i = 0; i != NONE; i = symbols[i].next) {
        const struct symbol *s = &symbols[i];
        if (s->id >= 0) {
            emit(sink, s->id, s->start, s->len);
            continue;
        }
        for (uint32_t at = s->start; at < s->start + s->len; at++)
            emit(sink, t->byte_ids[(unsigned char)text[at]], at, 1);
    }
}

bool eng_merge(const struct eng_tokenizer *t, const char *text, uint32_t start, uint32_t end,
               struct eng_merge_scratch *scratch, struct eng_token_sink *sink)
{
    struct symbol few[SHORT_SYMBOLS], *symbols = few;
    int32_t whole = t->whole ? eng_find_piece(t, text + start, end - start, false) : -1;
    if (whole >= 0 && t->whole[whole]) {
        emit(sink, whole, start, end - start);
        return true;
    }
    if (end - start <= SHORT_SYMBOLS) {
        merge_short(t, text, symbols, first_symbols(t, text, start, end, symbols));
    } else {
        if (!reserve(scratch, end - start)) return false;
        symbols = scratch->symbols;
        merge_long(t, text, symbols, first_symbols(t, text, start, end, symbols), scratch->heap);
    }
    emit_all(t, text, symbols, sink);
    return true;
}
