/* Attention in one pass over the cache, by a kernel set's steps.
 *
 * The queries of one key-value head go over the keys a strip of STRIP positions at a time: scores,
 * exponentials relative to the largest score so far, weighted values. When a row's largest score
 * grows, what it has summed up shrinks by the same factor; nothing is ever as long as the sequence.
 *
 * Of a strip only the blocks that some row looks at are touched, moved together; halves are widened
 * on the way. Strips start at multiples of STRIP and blocks keep their order, so a row sums up in
 * an order of its own, whoever is computed beside it: blocks that only others look at add zeros.
 * Values past a row's limit are never read.
 */
#include "engine/attend.h"

#include <math.h>
#include <string.h>

#define STRIP  128u
#define BLOCKS (STRIP / ENG_KEY_LANES)

_Static_assert(ENG_CACHE_PAGE % STRIP == 0, "a strip lies in one page");

size_t eng_format_bytes(const struct eng_kernels *kernels, enum eng_format format, size_t dim)
{
    if (format == ENG_CACHE_OF_SET) return kernels->cache_bytes(dim);
    return ENG_CACHE_PAGE * dim * (format == ENG_CACHE_F32 ? sizeof(float) : sizeof(uint16_t));
}

/* The scratch: scores, and where there are halves, keys and values of a strip; relations. */
static size_t widened_floats(enum eng_format format, size_t dim)
{
    return format == ENG_CACHE_F16 ? STRIP * dim : 0;
}

size_t eng_attend_scratch(const struct eng_kernels *kernels, enum eng_format format, size_t dim)
{
    if (format == ENG_CACHE_OF_SET) return kernels->attend_scratch(dim);
    return (ENG_ATTEND_ROWS * STRIP + 2 * widened_floats(format, dim)) * sizeof(float) + STRIP;
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
    uint8_t *relation; /* [STRIP] */
    size_t first;      /* position */
    size_t n_blocks, n_runs;
    uint8_t block[BLOCKS]; /* visited ones, of the strip */
    struct run run[BLOCKS];
};

static void find_blocks(struct strip *s, size_t longest)
{
    const uint64_t *bits = s->a->blocks;
    s->n_blocks = 0;
    for (size_t b = 0; b < BLOCKS && s->first + b * ENG_KEY_LANES < longest; b++) {
        size_t block = s->first / ENG_KEY_LANES + b;
        if (!bits || (bits[block / 64] >> (block % 64) & 1)) s->block[s->n_blocks++] = (uint8_t)b;
    }
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

/* The relations of a row to the visited positions. */
static const uint8_t *relations(const struct strip *s, size_t row, size_t n)
{
    const uint8_t *all = s->a->relation[row];
    if (!all || s->n_blocks == (size_t)s->block[s->n_blocks - 1] + 1)
        return all ? all + s->first : all;
    for (size_t i = 0; i * ENG_KEY_LANES < n; i++) {
        size_t left = n - i * ENG_KEY_LANES;
        memcpy(s->relation + i * ENG_KEY_LANES, all + s->first + s->block[i] * ENG_KEY_LANES,
               left < ENG_KEY_LANES ? left : ENG_KEY_LANES);
    }
    return s->relation;
}

static void weigh(const struct strip *s, size_t row, size_t n, float *largest, float *total)
{
    const struct eng_attention *a = s->a;
    float before = *largest;
    if (n == 0) return;
    float sum = s->kernels->softmax(s->scores + row * STRIP, n, a->scale, a->term,
                                    relations(s, row, n), a->table[row], largest);
    if (*largest > before && before > -INFINITY) {
        float factor = expf(before - *largest);
        *total *= factor;
        for (size_t d = 0; d < a->dim; d++)
            a->out[row][d] *= factor;
    }
    *total += sum;
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
    s.relation = (uint8_t *)(s.wide_values + widened_floats(format, a->dim));
    float largest[ENG_ATTEND_ROWS], total[ENG_ATTEND_ROWS];
    size_t longest = a->limit[a->rows - 1], n[ENG_ATTEND_ROWS];
    for (size_t r = 0; r < a->rows; r++) {
        largest[r] = -INFINITY;
        total[r] = 0;
        memset(a->out[r], 0, a->dim * sizeof *a->out[r]);
    }
    for (; s.first < longest; s.first += STRIP) {
        find_blocks(&s, longest);
        if (s.n_blocks == 0) continue;
        find_runs(&s);
        score(&s);
        for (size_t r = 0; r < a->rows; r++) {
            n[r] = visible(&s, a->limit[r]);
            weigh(&s, r, n[r], &largest[r], &total[r]);
        }
        mix(&s, n);
    }
    for (size_t r = 0; r < a->rows; r++) {
        float factor = total[r] > 0 ? 1.0f / total[r] : 0;
        for (size_t d = 0; d < a->dim; d++)
            a->out[r][d] *= factor;
    }
}
