/* AMX: attention over a cache of bf16.
 *
 * Up to 32 queries of one key-value head go over the keys a strip of 256 positions at a time:
 * scores by tiles into a buffer that stays in the first-level cache, the softmax's exponentials
 * with a running maximum in vectors, and the weights, rounded to bf16, by tiles into the sums. When
 * a row's maximum grows, its sum so far shrinks by the same factor.
 *
 * Strips start at multiples of 256, and a row adds up strip after strip and pair after pair of
 * positions, whoever is computed beside it: its bits depend on itself alone. What it does not see
 * enters with a weight of exactly zero.
 *
 * Keys lie in blocks of 16 positions, [block][dim / 2][16][2], which is the order in which a tile
 * wants its columns; values in pairs of positions, [position / 2][dim][2], for the same reason.
 * Dimensions are padded with zeros to a multiple of 32. The bounds of a page's 16 blocks lie like
 * one block of keys of twice as many dimensions, the largest values before the smallest: a tile of
 * their products with queries that are split by sign is the best score of each row in each block.
 */
#include "engine/kernels/amx.h"

#ifdef ENG_HAS_TILES

#include "engine/kernels/amx_tiles.h"
#include "engine/kernels/avx512_math.h"

#include <math.h>
#include <string.h>

#define STRIP  256u
#define BLOCKS (STRIP / ENG_KEY_LANES) /* of keys, in a strip */
#define STEP   32u                     /* columns of a tile */

_Static_assert(ENG_KEY_LANES == LANES && 2 * TILE_ROWS == ENG_ATTEND_ROWS, "two tiles of rows");
_Static_assert(ENG_CACHE_PAGE == STRIP, "a strip is a page");

static size_t padded_dim(size_t dim)
{
    return (dim + STEP - 1) / STEP * STEP;
}

size_t eng_amx_cache_bytes(size_t dim)
{
    return ENG_CACHE_PAGE * padded_dim(dim) * sizeof(uint16_t);
}

size_t eng_amx_bounds_bytes(size_t dim)
{
    return 2 * padded_dim(dim) * BLOCKS * sizeof(uint16_t);
}

/* 16 values from i on of n, as bf16; those past the end are zero. */
static __m256i load_bf16(const float *x, size_t i, size_t n)
{
    return (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(i < n ? tail_of(n - i) : 0, x + i));
}

/* The same where nothing but finite numbers may be kept: they are multiplied by zero where they are
 * not seen. */
static __m512i load_finite(const float *x, size_t i, size_t n)
{
    const __m512 most = _mm512_set1_ps(3.38e38f);
    __m512 v = _mm512_maskz_loadu_ps(tail_of(n - i), x + i);
    v = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(v, v, _CMP_ORD_Q), v);
    v = _mm512_min_ps(_mm512_max_ps(v, _mm512_sub_ps(_mm512_setzero_ps(), most)), most);
    return _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(v));
}

void eng_amx_store(void *keys, void *values, size_t place, size_t dim, const float *k,
                   const float *v)
{
    size_t padded = padded_dim(dim);
    uint16_t *key = (uint16_t *)keys + place / LANES * padded * LANES + place % LANES * 2;
    uint16_t *value = (uint16_t *)values + place / 2 * padded * 2;
    const __m256i places = _mm256_setr_epi32(0, 16, 32, 48, 64, 80, 96, 112);
    for (size_t d = 0; d < dim; d += LANES) {
        _mm256_i32scatter_epi32(key + d * LANES, places, load_bf16(k, d, dim), 4);
        __m512i pairs = load_finite(v, d, dim);
        if (place % 2)
            _mm512_mask_storeu_epi16(value + 2 * d, 0xaaaaaaaa, _mm512_slli_epi32(pairs, 16));
        else
            _mm512_mask_storeu_epi16(value + 2 * d, 0x55555555, pairs);
    }
}

/* Two values that are bf16 already. */
static uint32_t pair_of(float even, float odd)
{
    uint32_t low, high;
    memcpy(&low, &even, sizeof low);
    memcpy(&high, &odd, sizeof high);
    return low >> 16 | (high & 0xffff0000u);
}

void eng_amx_bound(const void *keys, void *bounds, size_t block, size_t dim)
{
    size_t padded = padded_dim(dim);
    const uint16_t *key = (const uint16_t *)keys + block * padded * LANES;
    uint32_t *highest = (uint32_t *)bounds + block; /* pairs of dimensions */
    uint32_t *lowest = highest + padded / 2 * BLOCKS;
    for (size_t pair = 0; pair < padded / 2; pair++) {
        __m512i both = _mm512_loadu_si512(key + pair * 2 * LANES);
        __m512 even = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16));
        __m512 odd =
            _mm512_castsi512_ps(_mm512_and_si512(both, _mm512_set1_epi32((int)0xffff0000)));
        highest[pair * BLOCKS] = pair_of(_mm512_reduce_max_ps(even), _mm512_reduce_max_ps(odd));
        lowest[pair * BLOCKS] = pair_of(_mm512_reduce_min_ps(even), _mm512_reduce_min_ps(odd));
    }
}

struct state {
    const struct eng_attention *a;
    size_t padded, tiles; /* of rows: 1 or 2 */
    uint16_t *q;          /* [32, padded] */
    float *scores;        /* [32, STRIP] */
    uint16_t *weights;    /* [32, STRIP], bf16 */
    float *sums;          /* [32, padded] */
    uint16_t *split;      /* [32, 2 * padded], q by its sign */
    float *reach;         /* [32, BLOCKS], the best scores in the blocks of a strip */
    float largest[ENG_ATTEND_ROWS], total[ENG_ATTEND_ROWS];
    uint32_t seen[ENG_ATTEND_ROWS]; /* blocks of a strip that a row sees, a bit each */
    float enough[ENG_ATTEND_ROWS];  /* scores that a block has to be able to reach */
};

size_t eng_amx_attend_scratch(size_t dim)
{
    size_t padded = padded_dim(dim);
    size_t bounds = 2 * padded * sizeof(uint16_t) + BLOCKS * sizeof(float);
    return ENG_ATTEND_ROWS * (padded * (sizeof(uint16_t) + sizeof(float)) +
                              STRIP * (sizeof(uint16_t) + sizeof(float)) + bounds);
}

static void begin(struct state *s, const struct eng_attention *a, void *scratch)
{
    s->a = a;
    s->padded = padded_dim(a->dim);
    s->tiles = (a->rows + TILE_ROWS - 1) / TILE_ROWS;
    s->scores = scratch;
    s->sums = s->scores + ENG_ATTEND_ROWS * STRIP;
    s->reach = s->sums + ENG_ATTEND_ROWS * s->padded;
    s->q = (uint16_t *)(s->reach + ENG_ATTEND_ROWS * BLOCKS);
    s->weights = s->q + ENG_ATTEND_ROWS * s->padded;
    s->split = s->weights + ENG_ATTEND_ROWS * STRIP;
    memset(s->sums, 0, ENG_ATTEND_ROWS * s->padded * sizeof *s->sums);
    for (size_t r = 0; r < a->rows; r++) {
        for (size_t d = 0; d < s->padded; d += LANES)
            _mm256_storeu_si256((__m256i *)(s->q + r * s->padded + d),
                                load_bf16(a->q[r], d, a->dim));
        s->largest[r] = -INFINITY;
        s->total[r] = 0;
    }
}

/* ---- Scores ------------------------------------------------------------------------ */

/* Of all rows with two blocks of keys (or one, twice): tiles 0 to 3 are the scores of rows (0, 1)
 * by blocks (0, 1). */
static void score_blocks(const struct state *s, size_t strip, size_t left, size_t right)
{
    const uint16_t *keys = (const uint16_t *)(s->a->pages[strip] + s->a->keys);
    const uint16_t *k0 = keys + left * s->padded * LANES;
    const uint16_t *k1 = keys + right * s->padded * LANES;
    const uint16_t *q1 = s->q + (s->tiles - 1) * TILE_ROWS * s->padded;
    size_t q_bytes = s->padded * sizeof *s->q, out_bytes = STRIP * sizeof *s->scores;
    size_t ahead = 2 * s->padded * LANES; /* mostly, what is wanted next */
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (size_t d = 0; d < s->padded; d += STEP) {
        _tile_loadd(4, s->q + d, q_bytes);
        _tile_loadd(6, k0 + d * LANES, TILE_BYTES);
        _tile_loadd(7, k1 + d * LANES, TILE_BYTES);
        tile_prefetch(k0 + ahead + d * LANES);
        _tile_dpbf16ps(0, 4, 6);
        tile_prefetch(k1 + ahead + d * LANES);
        _tile_dpbf16ps(1, 4, 7);
        if (s->tiles == 1) continue;
        _tile_loadd(5, q1 + d, q_bytes);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, s->scores + left * LANES, out_bytes);
    _tile_stored(1, s->scores + right * LANES, out_bytes);
    if (s->tiles == 1) return;
    _tile_stored(2, s->scores + TILE_ROWS * STRIP + left * LANES, out_bytes);
    _tile_stored(3, s->scores + TILE_ROWS * STRIP + right * LANES, out_bytes);
}

static void score(const struct state *s, size_t strip, uint32_t visited)
{
    for (uint32_t rest = visited; rest;) {
        size_t left = (size_t)__builtin_ctz(rest), right = left;
        rest &= rest - 1;
        if (rest) right = (size_t)__builtin_ctz(rest);
        rest &= rest ? rest - 1 : 0;
        score_blocks(s, strip, left, right);
    }
}

/* ---- Softmax ----------------------------------------------------------------------- */

static void shrink(float *sums, size_t n, float factor)
{
    for (size_t d = 0; d < n; d += LANES)
        _mm512_storeu_ps(sums + d,
                         _mm512_mul_ps(_mm512_loadu_ps(sums + d), _mm512_set1_ps(factor)));
}

/* 2^x for x up to about 0, to 4 ulp; 0 below -115. */
INLINE __m512 exp2_16(__m512 x)
{
    __mmask16 normal = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-115.0f), _CMP_GE_OQ);
    __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 f = _mm512_sub_ps(x, n), p = _mm512_set1_ps(1.3276472e-3f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(9.6755415e-3f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.5507133e-2f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.4022120e-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.9314697e-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
    return _mm512_maskz_scalef_ps(normal, p, n);
}

/* Scores of a row's first n positions of a strip, in the blocks that it sees, to weights: powers of
 * two, whose exponents are the scores' differences to the largest one times log2 e. */
INLINE void weigh_row(struct state *s, size_t row, size_t strip, size_t n, const enum eng_term term)
{
    const struct eng_attention *a = s->a;
    float *scores = s->scores + row * STRIP;
    uint16_t *weights = s->weights + row * STRIP;
    const uint8_t *relation = term == ENG_TERM_NONE ? NULL : a->relation[row] + strip * STRIP;
    __m512 terms = term == ENG_TERM_NONE ? _mm512_setzero_ps() : _mm512_loadu_ps(a->table[row]);
    __m512 largest = _mm512_set1_ps(-INFINITY), sum = _mm512_setzero_ps();
    const bool scaled = term != ENG_TERM_NONE; /* else scores stay as they are */

    for (uint32_t rest = s->seen[row]; rest; rest &= rest - 1) {
        size_t i = (size_t)__builtin_ctz(rest) * LANES;
        __mmask16 tail = tail_of(n - i);
        __m512 v = _mm512_loadu_ps(scores + i);
        if (scaled) v = _mm512_mul_ps(v, _mm512_set1_ps(a->scale));
        if (term == ENG_TERM_ADD) v = _mm512_add_ps(v, look_up(relation + i, tail, terms));
        if (term == ENG_TERM_SCALE) v = _mm512_mul_ps(v, look_up(relation + i, tail, terms));
        largest = _mm512_mask_max_ps(largest, tail, largest, v);
        if (scaled) _mm512_storeu_ps(scores + i, v);
    }
    float before = s->largest[row], now = _mm512_reduce_max_ps(largest);
    if (!scaled) now *= a->scale;
    if (now > before) {
        float factor = _mm512_cvtss_f32(exp16(_mm512_set1_ps(before - now)));
        s->largest[row] = now;
        s->total[row] *= factor;
        if (before > -INFINITY) shrink(s->sums + row * s->padded, s->padded, factor);
    }
    const float log2_e = 1.44269504f;
    __m512 unit = _mm512_set1_ps(scaled ? log2_e : log2_e * a->scale);
    __m512 shift = _mm512_set1_ps(log2_e * s->largest[row]);
    for (uint32_t rest = s->seen[row]; rest; rest &= rest - 1) {
        size_t i = (size_t)__builtin_ctz(rest) * LANES;
        __mmask16 tail = tail_of(n - i);
        __m512 v = _mm512_fmsub_ps(_mm512_loadu_ps(scores + i), unit, shift);
        v = _mm512_maskz_mov_ps(tail, exp2_16(v));
        if (term == ENG_TERM_GATE) v = _mm512_mul_ps(v, look_up(relation + i, tail, terms));
        sum = _mm512_add_ps(sum, v);
        _mm256_storeu_si256((__m256i *)(weights + i), (__m256i)_mm512_cvtneps_pbh(v));
    }
    s->total[row] += _mm512_reduce_add_ps(sum);
}

static void weigh(struct state *s, size_t strip, uint32_t visited)
{
    const struct eng_attention *a = s->a;
    /* Of a pair of blocks of which one is visited, the other has no weight. */
    uint32_t pairs = (visited | visited >> 1) & 0x5555, all = pairs | pairs << 1;
    for (size_t r = 0; r < a->rows; r++) {
        size_t first = strip * STRIP, n = a->limit[r] > first ? a->limit[r] - first : 0;
        if (n > STRIP) n = STRIP;
        for (uint32_t rest = all & ~s->seen[r]; rest; rest &= rest - 1)
            memset(s->weights + r * STRIP + (size_t)__builtin_ctz(rest) * LANES, 0,
                   LANES * sizeof *s->weights);
        if (!s->seen[r]) continue;
        switch (a->term) {
        case ENG_TERM_ADD:
            weigh_row(s, r, strip, n, ENG_TERM_ADD);
            break;
        case ENG_TERM_SCALE:
            weigh_row(s, r, strip, n, ENG_TERM_SCALE);
            break;
        case ENG_TERM_GATE:
            weigh_row(s, r, strip, n, ENG_TERM_GATE);
            break;
        case ENG_TERM_NONE:
            weigh_row(s, r, strip, n, ENG_TERM_NONE);
            break;
        }
    }
}

/* ---- Values ------------------------------------------------------------------------ */

/* Two tiles side by side, of sixteen pairs of positions. */
static void prefetch_pair(const uint16_t *values, size_t v_bytes)
{
    for (size_t row = 0; row < TILE_ROWS; row++) {
        const char *at = (const char *)values + row * v_bytes;
        _mm_prefetch(at, _MM_HINT_T0);
        _mm_prefetch(at + TILE_BYTES, _MM_HINT_T0);
    }
}

/* sums += weights . values for all rows: tiles 0 to 3 are the sums of rows (0, 1) by dimensions
 * (d, d + 16). */
static void mix(const struct state *s, size_t strip, uint32_t visited)
{
    const uint16_t *values = (const uint16_t *)(s->a->pages[strip] + s->a->values);
    const uint16_t *w1 = s->weights + (s->tiles - 1) * TILE_ROWS * STRIP;
    float *lower = s->sums + (s->tiles - 1) * TILE_ROWS * s->padded;
    uint32_t pairs = (visited | visited >> 1) & 0x5555;
    size_t w_bytes = STRIP * sizeof *s->weights, out_bytes = s->padded * sizeof *s->sums;
    size_t v_bytes = 2 * s->padded * sizeof *values;
    for (size_t d = 0; d < s->padded; d += 2 * LANES) {
        _tile_loadd(0, s->sums + d, out_bytes);
        _tile_loadd(1, s->sums + d + LANES, out_bytes);
        if (s->tiles == 2) {
            _tile_loadd(2, lower + d, out_bytes);
            _tile_loadd(3, lower + d + LANES, out_bytes);
        }
        for (uint32_t rest = pairs; rest; rest &= rest - 1) {
            size_t at = (size_t)__builtin_ctz(rest) * LANES; /* position in the strip */
            const uint16_t *v = values + at * s->padded + 2 * d;
            _tile_loadd(4, s->weights + at, w_bytes);
            _tile_loadd(6, v, v_bytes);
            _tile_loadd(7, v + 2 * LANES, v_bytes);
            prefetch_pair(v + 2 * LANES * s->padded, v_bytes);
            _tile_dpbf16ps(0, 4, 6);
            _tile_dpbf16ps(1, 4, 7);
            if (s->tiles == 1) continue;
            _tile_loadd(5, w1 + at, w_bytes);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
        _tile_stored(0, s->sums + d, out_bytes);
        _tile_stored(1, s->sums + d + LANES, out_bytes);
        if (s->tiles == 1) continue;
        _tile_stored(2, lower + d, out_bytes);
        _tile_stored(3, lower + d + LANES, out_bytes);
    }
}

/* ---- Which blocks ------------------------------------------------------------------ */

/* The strip's blocks from first on, before the one of number end, a bit each. */
static uint32_t blocks_between(size_t strip, size_t first, size_t end)
{
    size_t base = strip * BLOCKS;
    uint32_t all = (1u << BLOCKS) - 1, before = 0;
    if (end <= base || first >= base + BLOCKS) return 0;
    if (end < base + BLOCKS) all = (1u << (end - base)) - 1;
    if (first > base) before = (1u << (first - base)) - 1;
    return all & ~before;
}

static uint32_t bits_of(size_t strip, const uint64_t *blocks)
{
    size_t base = strip * BLOCKS;
    return (uint32_t)(blocks[base / 64] >> (base % 64)) & ((1u << BLOCKS) - 1);
}

/* What a row with this limit always sees: the first block and the last ones. */
static uint32_t always_seen(size_t strip, uint32_t limit)
{
    size_t own = (limit - 1) / LANES, near = own < ENG_NEAR_BLOCKS ? 0 : own - ENG_NEAR_BLOCKS + 1;
    return blocks_between(strip, 0, 1) | blocks_between(strip, near, own + 1);
}

/* The best score of each row in each block of a strip. */
static void find_reach(const struct state *s, size_t strip)
{
    const uint16_t *bounds = (const uint16_t *)(s->a->pages[strip] + s->a->bounds);
    const uint16_t *lower = s->split + (s->tiles - 1) * TILE_ROWS * 2 * s->padded;
    size_t q_bytes = 2 * s->padded * sizeof *s->split;
    _tile_zero(0);
    _tile_zero(2);
    for (size_t d = 0; d < 2 * s->padded; d += STEP) {
        _tile_loadd(4, s->split + d, q_bytes);
        _tile_loadd(6, bounds + d * LANES, TILE_BYTES);
        _tile_dpbf16ps(0, 4, 6);
        if (s->tiles == 1) continue;
        _tile_loadd(5, lower + d, q_bytes);
        _tile_dpbf16ps(2, 5, 6);
    }
    _tile_stored(0, s->reach, BLOCKS * sizeof *s->reach);
    if (s->tiles == 2) _tile_stored(2, s->reach + TILE_ROWS * BLOCKS, BLOCKS * sizeof *s->reach);
}

/* What scores a block has to be able to reach for each row: looks ahead at what all rows see. */
static void find_enough(struct state *s, size_t longest)
{
    const struct eng_attention *a = s->a;
    const __m256i sign = _mm256_set1_epi16((short)0x8000);
    for (size_t r = 0; r < a->rows; r++) {
        uint16_t *split = s->split + r * 2 * s->padded;
        for (size_t d = 0; d < s->padded; d += LANES) {
            __m256i q = _mm256_loadu_si256((const __m256i *)(s->q + r * s->padded + d));
            __mmask16 negative = _mm256_test_epi16_mask(q, sign);
            _mm256_storeu_si256((__m256i *)(split + d),
                                _mm256_mask_mov_epi16(q, negative, _mm256_setzero_si256()));
            _mm256_storeu_si256((__m256i *)(split + s->padded + d),
                                _mm256_maskz_mov_epi16(negative, q));
        }
        s->enough[r] = -INFINITY;
    }
    for (size_t strip = 0; strip * STRIP < longest; strip++) {
        uint32_t visited = 0;
        for (size_t r = 0; r < a->rows; r++)
            visited |= always_seen(strip, a->limit[r]);
        if (!visited) continue;
        score(s, strip, visited);
        for (size_t r = 0; r < a->rows; r++) {
            __m512 largest = _mm512_set1_ps(s->enough[r]);
            for (uint32_t rest = always_seen(strip, a->limit[r]); rest; rest &= rest - 1) {
                size_t i = (size_t)__builtin_ctz(rest) * LANES;
                __m512 v = _mm512_loadu_ps(s->scores + r * STRIP + i);
                largest = _mm512_mask_max_ps(largest, tail_of(a->limit[r] - strip * STRIP - i),
                                             largest, v);
            }
            s->enough[r] = _mm512_reduce_max_ps(largest);
        }
    }
    for (size_t r = 0; r < a->rows; r++)
        s->enough[r] -= a->margin / a->scale;
}

static void leave_out(struct state *s, size_t strip)
{
    const struct eng_attention *a = s->a;
    find_reach(s, strip);
    for (size_t r = 0; r < a->rows; r += a->sharing) {
        uint32_t worth = always_seen(strip, a->limit[r]);
        for (size_t i = r; i < r + a->sharing; i++)
            worth |= _mm512_cmp_ps_mask(_mm512_loadu_ps(s->reach + i * BLOCKS),
                                        _mm512_set1_ps(s->enough[i]), _CMP_NLT_UQ);
        for (size_t i = r; i < r + a->sharing; i++)
            s->seen[i] &= worth;
    }
}

/* Blocks of a strip that any row looks at, as bits; those of each row in seen. */
static uint32_t find_blocks(struct state *s, size_t strip)
{
    const struct eng_attention *a = s->a;
    uint32_t visited = 0;
    for (size_t r = 0; r < a->rows; r++) {
        s->seen[r] = blocks_between(strip, 0, (a->limit[r] - 1) / LANES + 1);
        if (a->blocks) s->seen[r] &= bits_of(strip, a->blocks);
        if (a->own[r]) s->seen[r] &= bits_of(strip, a->own[r]);
    }
    if (a->bounds > 0) leave_out(s, strip);
    for (size_t r = 0; r < a->rows; r++)
        visited |= s->seen[r];
    return visited;
}

static void count_pairs(const struct state *s, size_t strip, uint32_t visited,
                        struct eng_attention_count *count)
{
    for (size_t r = 0; r < s->a->rows; r++) {
        size_t own = (s->a->limit[r] - 1) / LANES;
        count->seen += (size_t)__builtin_popcount(s->seen[r]) * LANES;
        if (s->seen[r] && own / BLOCKS == strip) count->seen -= (own + 1) * LANES - s->a->limit[r];
    }
    count->computed += s->a->rows * (size_t)__builtin_popcount(visited) * LANES;
}

void eng_amx_attend(const struct eng_attention *a, void *scratch)
{
    struct state s;
    struct eng_attention_count count = {0};
    size_t longest = a->limit[a->rows - 1];
    begin(&s, a, scratch);
    tiles_configure();
    if (a->bounds > 0) find_enough(&s, longest);
    for (size_t strip = 0; strip * STRIP < longest; strip++) {
        uint32_t visited = find_blocks(&s, strip);
        if (!visited) continue;
        count_pairs(&s, strip, visited, &count);
        score(&s, strip, visited);
        weigh(&s, strip, visited);
        mix(&s, strip, visited);
    }
    _tile_release();
    for (size_t r = 0; r < a->rows; r++) {
        float factor = s.total[r] > 0 ? 1.0f / s.total[r] : 0;
        for (size_t d = 0; d < a->dim; d++)
            a->out[r][d] = s.sums[r * s.padded + d] * factor;
        count.pairs += a->limit[r];
    }
    if (a->count) eng_attention_add(a->count, &count);
}

#endif
