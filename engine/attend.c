/* Attention in one pass over the cache, by a kernel set's steps.
 *
 * The queries of one key-value head go over the keys a strip of STRIP positions at a time: scores,
 * exponentials relative to the largest score so far, weighted values. When a row's largest score
 * grows, what it has summed up shrinks by the same factor; nothing is ever as long as the sequence.
 *
 * Of a strip only the blocks that some row looks at are touched, moved together; halves are widened
 * on the way. Strips start at multiples of STRIP and blocks keep their order, so a row sums up in
 * an order of its own, whoever is computed beside it: blocks that only others look at add zeros,
 * and a row that does not see all that is touched has its own scores moved together for the
 * softmax. Values past a row's limit are never read.
 *
 * Bounds: the best score that a query q can have with a key between lowest and highest is
 * max(q, 0) . highest + min(q, 0) . lowest: one product of twice the length, which the kernel for
 * scores takes for 16 blocks at once.
 */
#include "engine/attend.h"

#include <math.h>
#include <string.h>

#define STRIP  128u
#define BLOCKS (STRIP / ENG_KEY_LANES)

/* Blocks of a page: their bounds lie like one block of keys. */
#define PAGE_BLOCKS (ENG_CACHE_PAGE / ENG_KEY_LANES)

_Static_assert(ENG_CACHE_PAGE % STRIP == 0, "a strip lies in one page");
_Static_assert(PAGE_BLOCKS == ENG_KEY_LANES, "a page's bounds are one block");

size_t eng_format_bytes(const struct eng_kernels *kernels, enum eng_format format, size_t dim)
{
    if (format == ENG_CACHE_OF_SET) return kernels->cache_bytes(dim);
    return ENG_CACHE_PAGE * dim * (format == ENG_CACHE_F32 ? sizeof(float) : sizeof(uint16_t));
}

size_t eng_format_bounds(const struct eng_kernels *kernels, enum eng_format format, size_t dim)
{
    if (format == ENG_CACHE_OF_SET) return kernels->bounds_bytes(dim);
    return 2 * dim * PAGE_BLOCKS * sizeof(float);
}

/* The scratch: scores, and where there are halves, keys and values of a strip; queries split by
 * sign and what they can reach in the blocks of a page; relations. */
static size_t widened_floats(enum eng_format format, size_t dim)
{
    return format == ENG_CACHE_F16 ? STRIP * dim : 0;
}

size_t eng_attend_scratch(const struct eng_kernels *kernels, enum eng_format format, size_t dim)
{
    if (format == ENG_CACHE_OF_SET) return kernels->attend_scratch(dim);
    size_t bound_floats = ENG_ATTEND_ROWS * (2 * dim + PAGE_BLOCKS);
    return (ENG_ATTEND_ROWS * STRIP + 2 * widened_floats(format, dim) + bound_floats) *
               sizeof(float) +
           STRIP;
}

void eng_attend_store(const struct eng_kernels *kernels, enum eng_format format, void *keys,
                      void *values, size_t place, size_t dim, const float *k, const float *v)
{
    size_t key = place / ENG_KEY_LANES * dim * ENG_KEY_LANES + place % ENG_KEY_LANES;
    if (format == ENG_CACHE_OF_SET) {
        kernels->store(keys, values, place, dim, k, v);
    } else if (format == ENG_CACHE_F32) {
        for (size_t d = 0; d < dim; d++)
            ((float *)keys)[key + d * ENG_KEY_LANES] = k[d];
        memcpy((float *)values + place * dim, v, dim * sizeof *v);
    } else {
        uint16_t halves[16];
        for (size_t d = 0; d < dim; d += 16) {
            size_t n = dim - d < 16 ? dim - d : 16;
            kernels->narrow(k + d, n, halves);
            for (size_t i = 0; i < n; i++)
                ((uint16_t *)keys)[key + (d + i) * ENG_KEY_LANES] = halves[i];
        }
        kernels->narrow(v, dim, (uint16_t *)values + place * dim);
    }
}

void eng_attend_bound(const struct eng_kernels *kernels, enum eng_format format, const void *keys,
                      void *bounds, size_t block, size_t dim)
{
    if (format == ENG_CACHE_OF_SET) {
        kernels->bound(keys, bounds, block, dim);
        return;
    }
    float *highest = (float *)bounds + block, *lowest = highest + dim * PAGE_BLOCKS;
    for (size_t d = 0; d < dim; d++) {
        size_t at = (block * dim + d) * ENG_KEY_LANES;
        float widened[ENG_KEY_LANES];
        const float *k = (const float *)keys + at;
        if (format == ENG_CACHE_F16) {
            kernels->widen((const uint16_t *)keys + at, ENG_KEY_LANES, widened);
            k = widened;
        }
        float high = k[0], low = k[0];
        for (size_t i = 1; i < ENG_KEY_LANES; i++) {
            high = k[i] > high ? k[i] : high;
            low = k[i] < low ? k[i] : low;
        }
        highest[d * PAGE_BLOCKS] = high;
        lowest[d * PAGE_BLOCKS] = low;
    }
}

/* Visited blocks of a strip that follow each other. */
struct run {
    size_t at; /* of its first position among the strip's visited ones */
    size_t positions;
    const float *keys, *values;
};

struct strip {
    const struct eng_kernels *kernels;
    const struct eng_attention *a;
    enum eng_format format;
    float *scores; /* [rows, STRIP] */
    float *wide_keys, *wide_values;
    float *split;      /* [rows, 2 * dim], the positive parts of a query, then the negative ones */
    float *reach;      /* [rows, PAGE_BLOCKS], the best scores in the blocks of a page */
    uint8_t *relation; /* [STRIP] */
    size_t first;      /* position */
    size_t n_blocks, n_runs;
    uint8_t block[BLOCKS]; /* visited ones, of the strip */
    struct run run[BLOCKS];
    uint32_t visited;               /* the same, a bit each ... */
    uint32_t seen[ENG_ATTEND_ROWS]; /* ... and the ones that a row sees */
    float enough[ENG_ATTEND_ROWS];  /* scores that a block has to be able to reach */
};

static size_t own_block(const struct strip *s, size_t row)
{
    return (s->a->limit[row] - 1) / ENG_KEY_LANES;
}

static size_t near_block(const struct strip *s, size_t row)
{
    size_t own = own_block(s, row);
    return own < ENG_NEAR_BLOCKS ? 0 : own - ENG_NEAR_BLOCKS + 1;
}

/* The strip's blocks from first on, before the one of number end, a bit each. */
static uint32_t blocks_between(const struct strip *s, size_t first, size_t end)
{
    size_t base = s->first / ENG_KEY_LANES;
    uint32_t all = (1u << BLOCKS) - 1, before = 0;
    if (end <= base || first >= base + BLOCKS) return 0;
    if (end < base + BLOCKS) all = (1u << (end - base)) - 1;
    if (first > base) before = (1u << (first - base)) - 1;
    return all & ~before;
}

/* BLOCKS bits of a set of blocks. */
static uint32_t bits_of(const struct strip *s, const uint64_t *blocks)
{
    size_t base = s->first / ENG_KEY_LANES;
    return (uint32_t)(blocks[base / 64] >> (base % 64)) & ((1u << BLOCKS) - 1);
}

/* The blocks that a row always sees, and those in which it may reach enough. */
static uint32_t worth_it(const struct strip *s, size_t row)
{
    const float *reach = s->reach + row * PAGE_BLOCKS + s->first % ENG_CACHE_PAGE / ENG_KEY_LANES;
    uint32_t worth =
        blocks_between(s, 0, 1) | blocks_between(s, near_block(s, row), own_block(s, row) + 1);
    for (size_t b = 0; b < BLOCKS; b++)
        if (!(reach[b] < s->enough[row])) worth |= 1u << b;
    return worth;
}

static void find_seen(struct strip *s)
{
    const struct eng_attention *a = s->a;
    for (size_t r = 0; r < a->rows; r++) {
        s->seen[r] = blocks_between(s, 0, own_block(s, r) + 1);
        if (a->blocks) s->seen[r] &= bits_of(s, a->blocks);
        if (a->own[r]) s->seen[r] &= bits_of(s, a->own[r]);
    }
    for (size_t r = 0; a->bounds > 0 && r < a->rows; r += a->sharing) {
        uint32_t worth = 0;
        for (size_t i = r; i < r + a->sharing; i++)
            worth |= worth_it(s, i);
        for (size_t i = r; i < r + a->sharing; i++)
            s->seen[i] &= worth;
    }
}

static void take_blocks(struct strip *s, uint32_t blocks)
{
    s->n_blocks = 0;
    for (size_t b = 0; b < BLOCKS; b++)
        if (blocks >> b & 1) s->block[s->n_blocks++] = (uint8_t)b;
}

static void find_blocks(struct strip *s)
{
    s->visited = 0;
    find_seen(s);
    for (size_t r = 0; r < s->a->rows; r++)
        s->visited |= s->seen[r];
    take_blocks(s, s->visited);
}

/* Where the visited blocks can be read in fp32. */
static void find_runs(struct strip *s)
{
    size_t dim = s->a->dim, block_values = dim * ENG_KEY_LANES;
    size_t base = s->first % ENG_CACHE_PAGE / ENG_KEY_LANES;
    const uint8_t *page = s->a->pages[s->first / ENG_CACHE_PAGE];
    const void *keys = page + s->a->keys, *values = page + s->a->values;
    s->n_runs = 0;
    for (size_t i = 0; i < s->n_blocks; i++) {
        size_t from = (base + s->block[i]) * block_values, to = i * block_values;
        if (s->format == ENG_CACHE_F16) {
            s->kernels->widen((const uint16_t *)keys + from, block_values, s->wide_keys + to);
            s->kernels->widen((const uint16_t *)values + from, block_values, s->wide_values + to);
        }
        bool follows = i > 0 && (s->format == ENG_CACHE_F16 || s->block[i] == s->block[i - 1] + 1);
        if (follows) {
            s->run[s->n_runs - 1].positions += ENG_KEY_LANES;
            continue;
        }
        struct run *run = &s->run[s->n_runs++];
        *run = (struct run){i * ENG_KEY_LANES, ENG_KEY_LANES, s->wide_keys, s->wide_values};
        if (s->format == ENG_CACHE_F32) run->keys = (const float *)keys + from;
        if (s->format == ENG_CACHE_F32) run->values = (const float *)values + from;
    }
}

/* How many of the strip's visited positions a row with this limit sees. */
static size_t visible(const struct strip *s, size_t limit)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_blocks; i++) {
        size_t start = s->first + s->block[i] * ENG_KEY_LANES;
        if (start >= limit) break;
        n += limit - start < ENG_KEY_LANES ? limit - start : ENG_KEY_LANES;
    }
    return n;
}

static void score(const struct strip *s)
{
    float *out[ENG_ATTEND_ROWS];
    for (size_t i = 0; i < s->n_runs; i++) {
        const struct run *run = &s->run[i];
        for (size_t r = 0; r < s->a->rows; r++)
            out[r] = s->scores + r * STRIP + run->at;
        s->kernels->scores(s->a->q, s->a->rows, s->a->dim, run->keys,
                           run->positions / ENG_KEY_LANES, out);
    }
}

/* The bounds of the strip's page, once for all its strips. */
static void find_reach(const struct strip *s)
{
    const struct eng_attention *a = s->a;
    const float *q[ENG_ATTEND_ROWS];
    float *out[ENG_ATTEND_ROWS];
    const void *bounds = a->pages[s->first / ENG_CACHE_PAGE] + a->bounds;
    if (s->first % ENG_CACHE_PAGE != 0) return;
    for (size_t r = 0; r < a->rows; r++) {
        q[r] = s->split + r * 2 * a->dim;
        out[r] = s->reach + r * PAGE_BLOCKS;
    }
    s->kernels->scores(q, a->rows, 2 * a->dim, bounds, 1, out);
}

/* The largest of a row's scores in the visited blocks that it always sees, or `largest`. */
static float largest_always_seen(const struct strip *s, size_t row, float largest)
{
    uint32_t always =
        blocks_between(s, 0, 1) | blocks_between(s, near_block(s, row), own_block(s, row) + 1);
    for (size_t i = 0; i < s->n_blocks; i++) {
        size_t start = s->first + s->block[i] * ENG_KEY_LANES;
        if (!(always >> s->block[i] & 1)) continue;
        for (size_t p = 0; p < ENG_KEY_LANES && start + p < s->a->limit[row]; p++) {
            float score = s->scores[row * STRIP + i * ENG_KEY_LANES + p];
            if (score > largest) largest = score;
        }
    }
    return largest;
}

/* What scores a block has to be able to reach for each row: looks ahead at what all rows see. */
static void find_enough(struct strip *s, size_t longest)
{
    const struct eng_attention *a = s->a;
    size_t near = near_block(s, 0);
    for (size_t r = 0; r < a->rows; r++) {
        float *split = s->split + r * 2 * a->dim;
        for (size_t d = 0; d < a->dim; d++) {
            split[d] = a->q[r][d] > 0 ? a->q[r][d] : 0;
            split[a->dim + d] = a->q[r][d] > 0 ? 0 : a->q[r][d];
        }
        s->enough[r] = -INFINITY;
    }
    for (s->first = 0; s->first < longest; s->first += STRIP) {
        take_blocks(s, blocks_between(s, 0, 1) |
                           blocks_between(s, near, own_block(s, a->rows - 1) + 1));
        if (s->n_blocks == 0) continue;
        find_runs(s);
        score(s);
        for (size_t r = 0; r < a->rows; r++)
            s->enough[r] = largest_always_seen(s, r, s->enough[r]);
    }
    for (size_t r = 0; r < a->rows; r++)
        s->enough[r] -= a->margin / a->scale;
    s->first = 0;
}

/* Whether a row sees all visited blocks up to its own. */
static bool sees_all(const struct strip *s, size_t row)
{
    return (s->visited & blocks_between(s, 0, own_block(s, row) + 1)) == s->seen[row];
}

/* Positions of the i-th visited block that count among the first n. */
static size_t positions_of(size_t i, size_t n)
{
    return n - i * ENG_KEY_LANES < ENG_KEY_LANES ? n - i * ENG_KEY_LANES : ENG_KEY_LANES;
}

/* Moves a row's own scores together; returns how many they are. */
static size_t gather(const struct strip *s, size_t row, size_t n)
{
    float *scores = s->scores + row * STRIP;
    size_t own = 0;
    for (size_t i = 0; i * ENG_KEY_LANES < n; i++) {
        if (!(s->seen[row] >> s->block[i] & 1)) continue;
        memmove(scores + own, scores + i * ENG_KEY_LANES, positions_of(i, n) * sizeof *scores);
        own += positions_of(i, n);
    }
    return own;
}

/* And what has become of them apart again, with zeros where the row does not look. */
static void scatter(const struct strip *s, size_t row, size_t n, size_t own)
{
    float *scores = s->scores + row * STRIP;
    for (size_t i = (n + ENG_KEY_LANES - 1) / ENG_KEY_LANES; i-- > 0;) {
        size_t count = positions_of(i, n);
        bool seen = s->seen[row] >> s->block[i] & 1;
        if (seen) own -= count;
        if (seen)
            memmove(scores + i * ENG_KEY_LANES, scores + own, count * sizeof *scores);
        else
            memset(scores + i * ENG_KEY_LANES, 0, count * sizeof *scores);
    }
}

/* The relations of a row to its own positions among the first n visited ones. */
static const uint8_t *relations(const struct strip *s, size_t row, size_t n)
{
    const uint8_t *all = s->a->relation[row];
    bool whole = s->n_blocks == (size_t)s->block[s->n_blocks - 1] + 1 && sees_all(s, row);
    size_t own = 0;
    if (!all || whole) return all ? all + s->first : all;
    for (size_t i = 0; i * ENG_KEY_LANES < n; i++) {
        if (!(s->seen[row] >> s->block[i] & 1)) continue;
        memcpy(s->relation + own, all + s->first + s->block[i] * ENG_KEY_LANES, positions_of(i, n));
        own += positions_of(i, n);
    }
    return s->relation;
}

/* A row's scores of the first n visited positions to weights. Returns how many it sees. */
static size_t weigh(const struct strip *s, size_t row, size_t n, float *largest, float *total)
{
    const struct eng_attention *a = s->a;
    float before = *largest, *scores = s->scores + row * STRIP;
    bool whole = sees_all(s, row);
    size_t own = whole ? n : gather(s, row, n);
    float sum = 0;
    if (own > 0)
        sum = s->kernels->softmax(scores, own, a->scale, a->term, relations(s, row, n),
                                  a->table[row], largest);
    if (!whole) scatter(s, row, n, own);
    if (*largest > before && before > -INFINITY) {
        float factor = expf(before - *largest);
        *total *= factor;
        for (size_t d = 0; d < a->dim; d++)
            a->out[row][d] *= factor;
    }
    *total += sum;
    return own;
}

/* out += weights . values: what all rows see together, then each row's own rest. n: positions
 * that each row sees, ascending. */
static void mix(const struct strip *s, const size_t *n)
{
    const struct eng_attention *a = s->a;
    const float *weights[ENG_ATTEND_ROWS];
    for (size_t i = 0; i < s->n_runs; i++) {
        const struct run *run = &s->run[i];
        size_t seen[ENG_ATTEND_ROWS];
        seen[0] = 0;
        for (size_t r = 0; r < a->rows; r++) {
            seen[r] = n[r] > run->at ? n[r] - run->at : 0;
            if (seen[r] > run->positions) seen[r] = run->positions;
            weights[r] = s->scores + r * STRIP + run->at;
        }
        if (seen[0] > 0)
            s->kernels->values(weights, a->rows, a->dim, run->values, 0, seen[0], a->out);
        for (size_t r = 1; r < a->rows; r++)
            if (seen[r] > seen[0])
                s->kernels->values(&weights[r], 1, a->dim, run->values, seen[0], seen[r],
                                   &a->out[r]);
    }
}

void eng_attend_cached(const struct eng_kernels *kernels, enum eng_format format,
                       const struct eng_attention *a, void *scratch)
{
    if (format == ENG_CACHE_OF_SET) {
        kernels->attend(a, scratch);
        return;
    }
    struct strip s = {.kernels = kernels, .a = a, .format = format, .scores = scratch};
    s.wide_keys = s.scores + ENG_ATTEND_ROWS * STRIP;
    s.wide_values = s.wide_keys + widened_floats(format, a->dim);
    s.split = s.wide_values + widened_floats(format, a->dim);
    s.reach = s.split + ENG_ATTEND_ROWS * 2 * a->dim;
    s.relation = (uint8_t *)(s.reach + ENG_ATTEND_ROWS * PAGE_BLOCKS);
    float largest[ENG_ATTEND_ROWS], total[ENG_ATTEND_ROWS];
    size_t longest = a->limit[a->rows - 1], n[ENG_ATTEND_ROWS];
    for (size_t r = 0; r < a->rows; r++) {
        largest[r] = -INFINITY;
        total[r] = 0;
        memset(a->out[r], 0, a->dim * sizeof *a->out[r]);
    }
    struct eng_attention_count count = {0};
    for (size_t r = 0; r < a->rows; r++)
        count.pairs += a->limit[r];
    if (a->bounds > 0) find_enough(&s, longest);
    for (; s.first < longest; s.first += STRIP) {
        if (a->bounds > 0) find_reach(&s);
        find_blocks(&s);
        if (s.n_blocks == 0) continue;
        find_runs(&s);
        score(&s);
        for (size_t r = 0; r < a->rows; r++) {
            n[r] = visible(&s, a->limit[r]);
            count.seen += weigh(&s, r, n[r], &largest[r], &total[r]);
        }
        count.computed += a->rows * s.n_blocks * ENG_KEY_LANES;
        mix(&s, n);
    }
    if (a->count) eng_attention_add(a->count, &count);
    for (size_t r = 0; r < a->rows; r++) {
        float factor = total[r] > 0 ? 1.0f / total[r] : 0;
        for (size_t d = 0; d < a->dim; d++)
            a->out[r][d] *= factor;
    }
}
