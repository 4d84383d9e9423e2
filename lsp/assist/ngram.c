/* ngram.c: counts and greedy completion.
 *
 * Owns a vocabulary (interned spellings) and two tables of counts, the training files' and
 * the present file's. A table is two hash maps over context hashes: a context's totals with
 * the list of its followers, and a follower's count. Contexts are identified by a 64-bit
 * hash alone; a collision among some ten million contexts is rarer than the effects that
 * anyone measures with this.
 *
 * It deliberately knows no model and no tree: it is the other side of a comparison.
 */
#include "lsp/assist/ngram.h"
#include "syntax/bytes.h"

#include <stdlib.h>
#include <string.h>

enum {
    NONE = 0, /* token id of "no such word", also list end */
    TOKEN_MAX = 256,
    STEPS_MAX = 64,
    CANDIDATES_MAX = 512,
    CACHE_WEIGHT = 8 /* one occurrence in this file counts like so many elsewhere */
};

/* ---- Lexical tokens ---------------------------------------------------------------------- */

static bool is_operator(unsigned char c)
{
    return c && strchr("!#$%&*+-./:<=>?@\\^|~", c) != NULL;
}

static bool is_blank(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

/* Length of the token at the start of text[len], len > 0. */
static size_t token_length(const char *text, size_t len)
{
    size_t n = 0, max = len < TOKEN_MAX ? len : TOKEN_MAX;
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] == '\n' || s[0] == '\r') return s[0] == '\r' && len > 1 && s[1] == '\n' ? 2 : 1;
    while (n < max && is_blank(s[n]))
        n++;
    /* A run of blanks leaves its last space to what follows it. */
    if (n == max || s[n] == '\n' || s[n] == '\r') return n;
    if (n > 1 || (n == 1 && s[0] != ' ')) return s[n - 1] == ' ' ? n - 1 : n;
    size_t from = n;
    if (syn_is_word((char)s[n]))
        while (n < max && syn_is_word((char)s[n]))
            n++;
    else if (is_operator(s[n]))
        while (n < max && is_operator(s[n]))
            n++;
    else
        n++;
    return n > from ? n : 1;
}

/* ---- Tables ------------------------------------------------------------------------------ */

struct follower {
    uint64_t key; /* of context and token */
    uint32_t token, count;
    uint32_t next; /* in the context's list; NONE ends it */
};

struct context {
    uint64_t key;
    uint32_t total, distinct;
    uint32_t first; /* follower */
};

/* Entries by position, found through open addressing; entry 0 is not used. */
struct table {
    struct follower *followers;
    struct context *contexts;
    uint32_t n_followers, followers_capacity, n_contexts, contexts_capacity;
    uint32_t *follower_slots, *context_slots;
    uint32_t follower_mask, context_mask;
};

struct word {
    char *text;
    uint32_t len;
};

struct asst_ngram {
    struct table trained, cache;
    struct word *words; /* words[0] is not used */
    uint32_t n_words, words_capacity;
    uint32_t *word_slots, word_mask;
    bool full;
};

static uint64_t mix(uint64_t h, uint64_t value)
{
    h ^= value + UINT64_C(0x9E3779B97F4A7C15) + (h << 6) + (h >> 2);
    h *= UINT64_C(0xFF51AFD7ED558CCD);
    return h ^ (h >> 32);
}

/* A bigger slot array, emptied; the caller fills it again. */
static bool grow_slots(uint32_t **slots, uint32_t *mask)
{
    uint32_t size = *slots ? (*mask + 1) * 2 : 1024;
    uint32_t *grown = calloc(size, sizeof *grown);
    if (!grown) return false;
    free(*slots);
    *slots = grown;
    *mask = size - 1;
    return true;
}

static void put_slot(uint32_t *slots, uint32_t mask, uint64_t key, uint32_t index)
{
    uint32_t at = (uint32_t)key & mask;
    while (slots[at])
        at = (at + 1) & mask;
    slots[at] = index;
}

static struct follower *find_follower(const struct table *t, uint64_t key)
{
    if (!t->follower_slots) return NULL;
    for (uint32_t at = (uint32_t)key & t->follower_mask; t->follower_slots[at];
         at = (at + 1) & t->follower_mask)
        if (t->followers[t->follower_slots[at]].key == key)
            return &t->followers[t->follower_slots[at]];
    return NULL;
}

static struct context *find_context(const struct table *t, uint64_t key)
{
    if (!t->context_slots) return NULL;
    for (uint32_t at = (uint32_t)key & t->context_mask; t->context_slots[at];
         at = (at + 1) & t->context_mask)
        if (t->contexts[t->context_slots[at]].key == key) return &t->contexts[t->context_slots[at]];
    return NULL;
}

/* Room for one more entry in an array that starts at index 1. */
static bool reserve(void **array, size_t size, uint32_t used, uint32_t *capacity)
{
    if (used + 2 <= *capacity) return true;
    uint32_t wanted = *capacity ? *capacity * 2 : 1024;
    if (wanted > 2 * ASST_NGRAM_MAX_ENTRIES) return false;
    void *grown = realloc(*array, wanted * size);
    if (!grown) return false;
    *array = grown;
    *capacity = wanted;
    return true;
}

static struct context *add_context(struct table *t, uint64_t key)
{
    struct context *found = find_context(t, key);
    if (found) return found;
    if (t->n_contexts >= ASST_NGRAM_MAX_ENTRIES ||
        !reserve((void **)&t->contexts, sizeof *t->contexts, t->n_contexts, &t->contexts_capacity))
        return NULL;
    if (!t->context_slots || t->n_contexts * 2 >= t->context_mask) {
        if (!grow_slots(&t->context_slots, &t->context_mask)) return NULL;
        for (uint32_t i = 1; i <= t->n_contexts; i++)
            put_slot(t->context_slots, t->context_mask, t->contexts[i].key, i);
    }
    uint32_t index = ++t->n_contexts;
    t->contexts[index] = (struct context){.key = key};
    put_slot(t->context_slots, t->context_mask, key, index);
    return &t->contexts[index];
}

static bool count(struct table *t, uint64_t context_key, uint32_t token)
{
    struct context *context = add_context(t, context_key);
    if (!context) return false;
    context->total++;
    uint64_t key = mix(context_key, token);
    struct follower *found = find_follower(t, key);
    if (found) {
        found->count++;
        return true;
    }
    if (t->n_followers >= ASST_NGRAM_MAX_ENTRIES ||
        !reserve((void **)&t->followers, sizeof *t->followers, t->n_followers,
                 &t->followers_capacity))
        return false;
    if (!t->follower_slots || t->n_followers * 2 >= t->follower_mask) {
        if (!grow_slots(&t->follower_slots, &t->follower_mask)) return false;
        for (uint32_t i = 1; i <= t->n_followers; i++)
            put_slot(t->follower_slots, t->follower_mask, t->followers[i].key, i);
    }
    uint32_t index = ++t->n_followers;
    t->followers[index] = (struct follower){key, token, 1, context->first};
    put_slot(t->follower_slots, t->follower_mask, key, index);
    context->first = index;
    context->distinct++;
    return true;
}

static void table_free(struct table *t)
{
    free(t->followers);
    free(t->contexts);
    free(t->follower_slots);
    free(t->context_slots);
    memset(t, 0, sizeof *t);
}

/* ---- Vocabulary -------------------------------------------------------------------------- */

static uint64_t hash_text(const char *text, size_t len)
{
    uint64_t h = UINT64_C(1469598103934665603);
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
    return h ^ (h >> 29);
}

/* Id of a spelling; add: NONE only when out of memory. */
static uint32_t intern(struct asst_ngram *m, const char *text, size_t len, bool add)
{
    uint64_t key = hash_text(text, len);
    for (uint32_t at = (uint32_t)key & m->word_mask; m->word_slots && m->word_slots[at];
         at = (at + 1) & m->word_mask) {
        const struct word *w = &m->words[m->word_slots[at]];
        if (w->len == len && memcmp(w->text, text, len) == 0) return m->word_slots[at];
    }
    if (!add || m->n_words >= ASST_NGRAM_MAX_ENTRIES ||
        !reserve((void **)&m->words, sizeof *m->words, m->n_words, &m->words_capacity))
        return NONE;
    if (!m->word_slots || m->n_words * 2 >= m->word_mask) {
        if (!grow_slots(&m->word_slots, &m->word_mask)) return NONE;
        for (uint32_t i = 1; i <= m->n_words; i++)
            put_slot(m->word_slots, m->word_mask, hash_text(m->words[i].text, m->words[i].len), i);
    }
    char *copy = malloc(len + 1);
    if (!copy) return NONE;
    memcpy(copy, text, len);
    copy[len] = 0;
    uint32_t index = ++m->n_words;
    m->words[index] = (struct word){copy, (uint32_t)len};
    put_slot(m->word_slots, m->word_mask, key, index);
    return index;
}

/* ---- Learning ---------------------------------------------------------------------------- */

/* The last tokens, newest first. */
struct history {
    uint32_t token[ASST_NGRAM_ORDER - 1];
};

static void push(struct history *h, uint32_t token)
{
    memmove(h->token + 1, h->token, sizeof h->token - sizeof h->token[0]);
    h->token[0] = token;
}

/* Key of the context of the last n tokens. */
static uint64_t context_key(const struct history *h, unsigned n)
{
    uint64_t key = mix(UINT64_C(0x5851F42D4C957F2D), n);
    for (unsigned i = 0; i < n; i++)
        key = mix(key, h->token[i]);
    return key;
}

static bool learn(struct asst_ngram *m, struct table *table, const char *text, size_t len)
{
    struct history h = {{0}};
    for (size_t at = 0; at < len;) {
        size_t n = token_length(text + at, len - at);
        uint32_t token = intern(m, text + at, n, true);
        if (token == NONE) return false;
        for (unsigned order = 0; order < ASST_NGRAM_ORDER; order++)
            if (!count(table, context_key(&h, order), token)) return false;
        push(&h, token);
        at += n;
    }
    return true;
}

struct asst_ngram *asst_ngram_new(void)
{
    return calloc(1, sizeof(struct asst_ngram));
}

void asst_ngram_free(struct asst_ngram *m)
{
    if (!m) return;
    table_free(&m->trained);
    table_free(&m->cache);
    for (uint32_t i = 1; i <= m->n_words; i++)
        free(m->words[i].text);
    free(m->words);
    free(m->word_slots);
    free(m);
}

bool asst_ngram_learn(struct asst_ngram *m, const char *text, size_t len)
{
    if (m->full) return false;
    m->full = !learn(m, &m->trained, text, len);
    return !m->full;
}

bool asst_ngram_is_full(const struct asst_ngram *m)
{
    return m->full;
}

/* ---- Completing -------------------------------------------------------------------------- */

/* Witten-Bell from the shortest context up, both tables' counts in one. */
static double probability(const struct asst_ngram *m, const struct history *h, uint32_t token)
{
    double p = 1.0 / (m->n_words + 1.0);
    for (unsigned order = 0; order < ASST_NGRAM_ORDER; order++) {
        uint64_t key = context_key(h, order), follower_key = mix(key, token);
        const struct context *a = find_context(&m->trained, key), *b = find_context(&m->cache, key);
        if (!a && !b) return p;
        const struct follower *fa = find_follower(&m->trained, follower_key);
        const struct follower *fb = find_follower(&m->cache, follower_key);
        double seen = (fa ? fa->count : 0) + (double)CACHE_WEIGHT * (fb ? fb->count : 0);
        double total = (a ? a->total : 0) + (double)CACHE_WEIGHT * (b ? b->total : 0);
        double distinct = (a ? a->distinct : 0) + (b ? b->distinct : 0);
        p = (seen + distinct * p) / (total + distinct);
    }
    return p;
}

/* Followers of the context in both tables whose spelling starts with want. */
static size_t collect(const struct asst_ngram *m, uint64_t key, const char *want, size_t want_len,
                      uint32_t *out, size_t n)
{
    const struct table *tables[] = {&m->cache, &m->trained};
    for (int t = 0; t < 2; t++) {
        const struct context *context = find_context(tables[t], key);
        for (uint32_t at = context ? context->first : NONE; at && n < CANDIDATES_MAX;
             at = tables[t]->followers[at].next) {
            uint32_t token = tables[t]->followers[at].token;
            const struct word *w = &m->words[token];
            if (w->len >= want_len && memcmp(w->text, want, want_len) == 0) out[n++] = token;
        }
    }
    return n;
}

static uint32_t likeliest(const struct asst_ngram *m, const struct history *h, const char *want,
                          size_t want_len)
{
    uint32_t candidates[CANDIDATES_MAX], best = NONE;
    size_t n = 0;
    /* The longest known contexts hold the likeliest followers; two levels of them. */
    for (unsigned order = ASST_NGRAM_ORDER, levels = 0; order-- > 0 && levels < 2;) {
        size_t before = n;
        n = collect(m, context_key(h, order), want, want_len, candidates, n);
        levels += n > before;
    }
    double best_p = 0;
    for (size_t i = 0; i < n; i++) {
        double p = probability(m, h, candidates[i]);
        if (p > best_p || (p == best_p && candidates[i] < best)) {
            best_p = p;
            best = candidates[i];
        }
    }
    return best;
}

/* Where the last token of text starts, if the completion has to write it again: a space or
 * half a word there would not be followed as it is. */
static size_t last_token(const char *text, size_t len)
{
    size_t at = 0, n = 0;
    for (; at < len; at += n) {
        n = token_length(text + at, len - at);
        if (at + n == len) return text[at] == '\n' || text[at] == '\r' ? len : at;
    }
    return len;
}

static struct history read_prefix(struct asst_ngram *m, const char *prefix, size_t len)
{
    struct history h = {{0}};
    for (size_t at = 0, n; at < len; at += n) {
        n = token_length(prefix + at, len - at);
        push(&h, intern(m, prefix + at, n, false));
    }
    return h;
}

size_t asst_ngram_complete(struct asst_ngram *m, const char *prefix, size_t prefix_len,
                           const char *suffix, size_t suffix_len, char *out, size_t capacity)
{
    size_t cut = last_token(prefix, prefix_len), n = 0;
    learn(m, &m->cache, prefix, cut);
    learn(m, &m->cache, suffix, suffix_len);
    struct history h = read_prefix(m, prefix, cut);
    const char *want = prefix + cut;
    size_t want_len = prefix_len - cut;
    for (int step = 0; step < STEPS_MAX; step++) {
        uint32_t token = likeliest(m, &h, want, want_len);
        if (token == NONE && want_len > 0) {
            /* Nothing known starts so: take it as it is. */
            push(&h, intern(m, want, want_len, false));
            want_len = 0;
            continue;
        }
        const struct word *w = &m->words[token];
        if (token == NONE || w->text[0] == '\n' || w->text[0] == '\r') break;
        size_t take = w->len - want_len;
        if (n + take > capacity) break;
        memcpy(out + n, w->text + want_len, take);
        n += take;
        want_len = 0;
        push(&h, token);
    }
    table_free(&m->cache);
    return n;
}
