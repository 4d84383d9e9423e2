/* Quantising: fp32 values to the blocks of model files.
 *
 * Owns the choice of scales and codes. A block of a type is a grid of few points that scales (and
 * in Q4_K minima) stretch over the values; which of the half floats that a scale may be gives the
 * least squared error has no formula, as rounding to the grid depends on it. So some scales are
 * tried that put the value of the largest magnitude at or near either end of the grid. Each is
 * then improved in turns: with the codes fixed, the best scale is a quotient of two sums; with it
 * fixed, the best codes are the nearest ones. Super-blocks of 256 values, whose scales are small
 * integers times a half float, choose the integers by trying neighbours as well, and the half
 * floats by the same least squares once the codes are there.
 *
 * Errors are always measured with the scale as it will be stored, so that its own rounding is
 * made up for where it can be. Sums are made by halves, an order that is fixed and that compilers
 * turn into vectors; so the bytes depend on the values alone.
 *
 * Deliberately absent: weighing columns by what activations they meet, which needs a corpus and
 * would make a file's weights depend on it.
 */
#include "engine/quantize.h"
#include "engine/kernels/half.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { BLOCK = 32, SUPER = 256, RUN = 16, SUB_BLOCKS = SUPER / BLOCK };

/* Below this a scale is none: its inverse is not to be computed with. */
#define LEAST_SCALE 1e-30f

/* Nearest whole number, ties to even, of magnitudes below 2^22. */
static inline float whole(float x)
{
    return (x + 0x1.8p23f) - 0x1.8p23f;
}

static inline float within(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

/* The whole numbers from low to high that are nearest to (x + shift) * inverse. A loop for each
 * step: so compilers make vectors of it. */
static inline void nearest_whole(const float *x, size_t n, float shift, float inverse, float low,
                                 float high, float *points)
{
    for (size_t i = 0; i < n; i++)
        points[i] = (x[i] + shift) * inverse;
    for (size_t i = 0; i < n; i++)
        points[i] = points[i] > low ? points[i] : low;
    for (size_t i = 0; i < n; i++)
        points[i] = points[i] < high ? points[i] : high;
    for (size_t i = 0; i < n; i++)
        points[i] = whole(points[i]);
}

/* The sum of values[n], n 16 or 32, which are lost. */
static inline float fold(float *values, size_t n)
{
    for (size_t i = 0; n > 16 && i < 16; i++)
        values[i] += values[i + 16];
    for (size_t i = 0; i < 8; i++)
        values[i] += values[i + 8];
    for (size_t i = 0; i < 4; i++)
        values[i] += values[i + 4];
    return (values[0] + values[2]) + (values[1] + values[3]);
}

static inline float inverse_of(float scale)
{
    return fabsf(scale) < LEAST_SCALE ? 0 : 1 / scale;
}

/* A scale as a half float. Where it would vanish, the least one that does not. */
static uint16_t stored(float scale)
{
    uint16_t half = eng_half_of_float(scale);
    return (half & 0x7fffu) == 0 && scale != 0 ? (uint16_t)(half | 1) : half;
}

/* ---- Grids around zero: Q4_0, IQ4_NL, sub-blocks of Q6_K ----------------------------- */

/* The points that a scale stretches: whole numbers from low to high, or those of the table. */
struct grid {
    float low, high;
    bool table; /* eng_iq4_nl_values */
};

static const struct grid q4_0_grid = {-8, 7, false}, q6_k_grid = {-32, 31, false},
                         iq4_nl_grid = {-127, 113, true};

/* The points nearest to x / scale. */
static inline void nearest(const struct grid *grid, const float *x, size_t n, float scale,
                           float *points)
{
    float inverse = inverse_of(scale);
    if (!grid->table) {
        nearest_whole(x, n, 0, inverse, grid->low, grid->high, points);
        return;
    }
    for (size_t i = 0; i < n; i++)
        points[i] = grid->low;
    for (int k = 1; k < 16; k++) { /* one step up for each middle between two points below x */
        float below = eng_iq4_nl_values[k - 1], above = eng_iq4_nl_values[k];
        float middle = (below + above) / 2, step = above - below;
        for (size_t i = 0; i < n; i++)
            points[i] += x[i] * inverse > middle ? step : 0;
    }
}

/* Squared error of scale * points against x; *best gets the scale that suits these points. */
static inline float error_of(const float *x, size_t n, float scale, const float *points,
                             float *best)
{
    float error[BLOCK], product[BLOCK], square[BLOCK];
    for (size_t i = 0; i < n; i++) {
        float miss = x[i] - scale * points[i];
        error[i] = miss * miss;
        product[i] = x[i] * points[i];
        square[i] = points[i] * points[i];
    }
    float squares = fold(square, n);
    *best = squares > 0 ? fold(product, n) / squares : 0;
    return fold(error, n);
}

static float extreme_of(const float *x, size_t n)
{
    float extreme = 0;
    for (size_t i = 0; i < n; i++)
        if (fabsf(x[i]) > fabsf(extreme)) extreme = x[i];
    return extreme;
}

/* The scale with the least error of those tried; halves: of the half floats. n is a multiple of
 * LANES and at most BLOCK. */
static inline float search_scale(const struct grid *grid, const float *x, size_t n, bool halves)
{
    /* Where the extreme value comes to lie, as a share of the grid's end. */
    static const float places[] = {1, 1.075f, 0.95f, 0.9f, 0.85f};
    enum { PLACES = sizeof places / sizeof places[0], TURNS = 3 };
    float extreme = extreme_of(x, n), chosen = 0, least = 0, points[BLOCK];

    for (size_t i = 0; i < n; i++) /* without a scale everything is 0 */
        least += x[i] * x[i];
    if (extreme == 0) return 0;
    for (int end = 0; end < 2; end++) {
        float last = end ? grid->high : grid->low;
        for (int p = 0; p < PLACES; p++) {
            float scale = extreme / (places[p] * last);
            for (int turn = 0; turn < TURNS; turn++) {
                if (halves) scale = eng_float_of_half(stored(scale));
                float next;
                nearest(grid, x, n, scale, points);
                float error = error_of(x, n, scale, points, &next);
                if (error < least) {
                    least = error;
                    chosen = scale;
                }
                if (next == scale) break;
                scale = next;
            }
        }
    }
    return chosen;
}

/* ---- Blocks of 32 ------------------------------------------------------------------ */

static void quantize_q8_0(const float *x, struct eng_block_q8_0 *out)
{
    out->d = stored(fabsf(extreme_of(x, BLOCK)) / 127);
    float scale = eng_float_of_half(out->d);
    for (size_t i = 0; i < BLOCK; i++) { /* halves away from zero, as the training recipe rounds */
        float ratio = scale > 0 ? x[i] / scale : 0;
        float magnitude = floorf(fabsf(ratio) + 0.5f);
        magnitude = magnitude > 127 ? 127 : magnitude;
        out->qs[i] = (int8_t)(ratio < 0 ? -magnitude : magnitude);
    }
}

static void put_nibbles(const uint8_t codes[BLOCK], uint8_t out[BLOCK / 2])
{
    for (size_t i = 0; i < BLOCK / 2; i++)
        out[i] = (uint8_t)(codes[i] | codes[i + BLOCK / 2] << 4);
}

static void quantize_q4_0(const float *x, struct eng_block_q4_0 *out)
{
    float scale = search_scale(&q4_0_grid, x, BLOCK, true), points[BLOCK];
    uint8_t codes[BLOCK];
    out->d = eng_half_of_float(scale);
    nearest(&q4_0_grid, x, BLOCK, scale, points);
    for (size_t i = 0; i < BLOCK; i++)
        codes[i] = (uint8_t)(points[i] + 8);
    put_nibbles(codes, out->qs);
}

static void quantize_iq4_nl(const float *x, struct eng_block_iq4_nl *out)
{
    float scale = search_scale(&iq4_nl_grid, x, BLOCK, true), points[BLOCK];
    uint8_t codes[BLOCK];
    out->d = eng_half_of_float(scale);
    nearest(&iq4_nl_grid, x, BLOCK, scale, points);
    for (size_t i = 0; i < BLOCK; i++) {
        codes[i] = 0;
        while (codes[i] < 15 && (float)eng_iq4_nl_values[codes[i]] < points[i])
            codes[i]++;
    }
    put_nibbles(codes, out->qs);
}

/* ---- Q6_K -------------------------------------------------------------------------- */

static float sub_error_q6_k(const float *x, float scale)
{
    float points[RUN], unused;
    nearest(&q6_k_grid, x, RUN, scale, points);
    return error_of(x, RUN, scale, points, &unused);
}

/* The factors of 8 bits that suit d best: the nearest and its neighbours are tried. */
static float choose_q6_k(const float *x, const float *scales, float d, int8_t *factors)
{
    float inverse = inverse_of(d), sum = 0;
    for (size_t s = 0; s < SUPER / RUN; s++) {
        int middle = (int)whole(within(scales[s] * inverse, -127, 127));
        float least = FLT_MAX;
        for (int f = middle - 1; f <= middle + 1; f++) {
            if (f < -128 || f > 127) continue;
            float error = sub_error_q6_k(x + s * RUN, d * (float)f);
            if (error >= least) continue;
            least = error;
            factors[s] = (int8_t)f;
        }
        sum += least;
    }
    return sum;
}

/* The d that suits codes and factors best. */
static float refit_q6_k(const float *x, const int8_t *factors, float d)
{
    float product = 0, square = 0, points[RUN];
    for (size_t s = 0; s < SUPER / RUN; s++) {
        nearest(&q6_k_grid, x + s * RUN, RUN, d * (float)factors[s], points);
        for (size_t i = 0; i < RUN; i++) {
            float p = points[i] * (float)factors[s];
            product += x[s * RUN + i] * p;
            square += p * p;
        }
    }
    return square > 0 ? product / square : 0;
}

static void put_q6_k(const uint8_t codes[SUPER], struct eng_block_q6_k *out)
{
    memset(out->ql, 0, sizeof out->ql);
    memset(out->qh, 0, sizeof out->qh);
    for (size_t i = 0; i < SUPER; i++) {
        size_t half = i / 128, quarter = i % 128 / BLOCK, at = i % BLOCK;
        out->ql[half * 64 + quarter % 2 * BLOCK + at] |=
            (uint8_t)((codes[i] & 15) << quarter / 2 * 4);
        out->qh[half * BLOCK + at] |= (uint8_t)(codes[i] >> 4 << quarter * 2);
    }
}

static void quantize_q6_k(const float *x, struct eng_block_q6_k *out)
{
    float scales[SUPER / RUN], points[RUN], least = FLT_MAX;
    int8_t factors[SUPER / RUN];
    uint8_t codes[SUPER];

    for (size_t s = 0; s < SUPER / RUN; s++)
        scales[s] = search_scale(&q6_k_grid, x + s * RUN, RUN, false);
    uint16_t half = stored(extreme_of(scales, SUPER / RUN) / 127);
    for (int turn = 0; turn < 3; turn++) {
        float d = eng_float_of_half(half), error = choose_q6_k(x, scales, d, factors);
        if (error >= least) break;
        least = error;
        out->d = half;
        memcpy(out->scales, factors, sizeof out->scales);
        half = stored(refit_q6_k(x, factors, d));
    }
    for (size_t s = 0; s < SUPER / RUN; s++) {
        float scale = eng_float_of_half(out->d) * (float)out->scales[s];
        nearest(&q6_k_grid, x + s * RUN, RUN, scale, points);
        for (size_t i = 0; i < RUN; i++)
            codes[s * RUN + i] = (uint8_t)(points[i] + 32);
    }
    put_q6_k(codes, out);
}

/* ---- Q4_K -------------------------------------------------------------------------- */

/* scale * [0, 15] - minimum, both not negative. */
struct line {
    float scale, minimum;
};

static void nearest_on(const float *x, struct line line, float points[BLOCK])
{
    nearest_whole(x, BLOCK, line.minimum, inverse_of(line.scale), 0, 15, points);
}

/* Squared error of the line with these points; *best gets the line that suits them. */
static float line_error(const float *x, struct line line, const float points[BLOCK],
                        struct line *best)
{
    float error[BLOCK], xs[BLOCK], ps[BLOCK], xp[BLOCK], pp[BLOCK];
    for (size_t i = 0; i < BLOCK; i++) {
        float miss = x[i] - (line.scale * points[i] - line.minimum);
        error[i] = miss * miss;
        xs[i] = x[i];
        ps[i] = points[i];
        xp[i] = x[i] * points[i];
        pp[i] = points[i] * points[i];
    }
    float sum_x = fold(xs, BLOCK), sum_p = fold(ps, BLOCK);
    float sum_xp = fold(xp, BLOCK), sum_pp = fold(pp, BLOCK);
    float spread = BLOCK * sum_pp - sum_p * sum_p;
    *best = line;
    if (spread > 0) {
        best->scale = (BLOCK * sum_xp - sum_p * sum_x) / spread;
        best->minimum = (best->scale * sum_p - sum_x) / BLOCK;
    }
    if (best->minimum < 0 || best->scale < 0) {
        best->minimum = 0;
        best->scale = sum_pp > 0 && sum_xp > 0 ? sum_xp / sum_pp : 0;
    }
    return fold(error, BLOCK);
}

static struct line search_line(const float *x)
{
    static const float steps[] = {15, 14.5f, 14, 13.5f, 13, 12, 15.6f};
    enum { STEPS = sizeof steps / sizeof steps[0], TURNS = 3 };
    float low = 0, high = x[0], least = FLT_MAX, points[BLOCK];
    struct line chosen = {0, 0};

    for (size_t i = 0; i < BLOCK; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    for (int s = 0; s < STEPS; s++) {
        struct line line = {(high - low) / steps[s], -low}, next;
        for (int turn = 0; turn < TURNS; turn++) {
            nearest_on(x, line, points);
            float error = line_error(x, line, points, &next);
            if (error < least) {
                least = error;
                chosen = line;
            }
            line = next;
        }
    }
    return chosen;
}

/* A super-block's scales: line s is {d * factor[s], dmin * minimum[s]}, the small integers of 6
 * bits. */
struct lines {
    uint16_t d, dmin;
    uint8_t factor[SUB_BLOCKS], minimum[SUB_BLOCKS];
};

static struct line line_of(const struct lines *lines, size_t s)
{
    return (struct line){eng_float_of_half(lines->d) * lines->factor[s],
                         eng_float_of_half(lines->dmin) * lines->minimum[s]};
}

/* The integers that suit d and dmin best: the nearest to `wanted` and their neighbours are
 * tried. */
static float choose_q4_k(const float *x, const struct line *wanted, struct lines *lines)
{
    float by_d = inverse_of(eng_float_of_half(lines->d)), sum = 0;
    float by_min = inverse_of(eng_float_of_half(lines->dmin)), points[BLOCK];
    for (size_t s = 0; s < SUB_BLOCKS; s++) {
        int factor = (int)whole(within(wanted[s].scale * by_d, 0, 63));
        int minimum = (int)whole(within(wanted[s].minimum * by_min, 0, 63));
        struct lines tried = *lines;
        float least = FLT_MAX;
        for (int f = factor - 1; f <= factor + 1; f++)
            for (int m = minimum - 1; m <= minimum + 1; m++) {
                if (f < 0 || f > 63 || m < 0 || m > 63) continue;
                struct line unused, line;
                tried.factor[s] = (uint8_t)f;
                tried.minimum[s] = (uint8_t)m;
                line = line_of(&tried, s);
                nearest_on(x + s * BLOCK, line, points);
                float error = line_error(x + s * BLOCK, line, points, &unused);
                if (error >= least) continue;
                least = error;
                lines->factor[s] = (uint8_t)f;
                lines->minimum[s] = (uint8_t)m;
            }
        sum += least;
    }
    return sum;
}

/* The d and dmin that suit codes and integers best: two normal equations. */
static void refit_q4_k(const float *x, struct lines *lines)
{
    float aa = 0, ab = 0, bb = 0, ax = 0, bx = 0, points[BLOCK];
    for (size_t s = 0; s < SUB_BLOCKS; s++) {
        float b = lines->minimum[s];
        nearest_on(x + s * BLOCK, line_of(lines, s), points);
        for (size_t i = 0; i < BLOCK; i++) { /* x = d * a - dmin * b */
            float a = points[i] * lines->factor[s], v = x[s * BLOCK + i];
            aa += a * a;
            ab += a * b;
            bb += b * b;
            ax += a * v;
            bx += b * v;
        }
    }
    float all = aa * bb - ab * ab;
    float d = all > 0 ? (ax * bb - bx * ab) / all : aa > 0 ? ax / aa : 0;
    float dmin = all > 0 ? (ax * ab - bx * aa) / all : 0;
    if (d > 0) lines->d = stored(d);
    if (dmin > 0) lines->dmin = stored(dmin);
}

/* The first four of the integers in the low 6 bits of bytes 0 to 7; of the others the low 4 bits
 * in bytes 8 to 11, the high 2 above those. */
static void put_q4_k(const struct lines *lines, const uint8_t codes[SUPER],
                     struct eng_block_q4_k *out)
{
    out->d = lines->d;
    out->dmin = lines->dmin;
    for (size_t s = 0; s < 4; s++) {
        uint8_t factor = lines->factor[s + 4], minimum = lines->minimum[s + 4];
        out->scales[s] = (uint8_t)(lines->factor[s] | factor >> 4 << 6);
        out->scales[s + 4] = (uint8_t)(lines->minimum[s] | minimum >> 4 << 6);
        out->scales[s + 8] = (uint8_t)((factor & 15) | (minimum & 15) << 4);
    }
    for (size_t pair = 0; pair < SUB_BLOCKS / 2; pair++)
        for (size_t i = 0; i < BLOCK; i++) {
            const uint8_t *code = codes + pair * 2 * BLOCK + i;
            out->qs[pair * BLOCK + i] = (uint8_t)(code[0] | code[BLOCK] << 4);
        }
}

static void quantize_q4_k(const float *x, struct eng_block_q4_k *out)
{
    struct line wanted[SUB_BLOCKS];
    float scale = 0, minimum = 0, least = FLT_MAX, points[BLOCK];
    uint8_t codes[SUPER];
    struct lines lines = {0}, best = {0};

    for (size_t s = 0; s < SUB_BLOCKS; s++) {
        wanted[s] = search_line(x + s * BLOCK);
        scale = wanted[s].scale > scale ? wanted[s].scale : scale;
        minimum = wanted[s].minimum > minimum ? wanted[s].minimum : minimum;
    }
    lines.d = stored(scale / 63);
    lines.dmin = stored(minimum / 63);
    for (int turn = 0; turn < 3; turn++) {
        float error = choose_q4_k(x, wanted, &lines);
        if (error >= least) break;
        least = error;
        best = lines;
        refit_q4_k(x, &lines);
    }
    for (size_t s = 0; s < SUB_BLOCKS; s++) {
        nearest_on(x + s * BLOCK, line_of(&best, s), points);
        for (size_t i = 0; i < BLOCK; i++)
            codes[s * BLOCK + i] = (uint8_t)points[i];
    }
    put_q4_k(&best, codes, out);
}

/* ---- Types ------------------------------------------------------------------------- */

bool eng_can_quantize(enum eng_tensor_type type)
{
    switch (type) {
    case ENG_F32:
    case ENG_F16:
    case ENG_BF16:
    case ENG_Q8_0:
    case ENG_Q4_0:
    case ENG_IQ4_NL:
    case ENG_Q4_K:
    case ENG_Q6_K:
        return true;
    default:
        return false;
    }
}

size_t eng_find_unfit(enum eng_tensor_type type, const float *values, size_t n)
{
    /* Beyond the largest half float, products with codes of up to 127 would still fit in most
     * blocks, but no sound weight is near it. BF16 rounds the last ones up to infinity. */
    float most = type == ENG_F32 ? FLT_MAX : type == ENG_BF16 ? 0x1.fep127f : ENG_HALF_MAX;
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(values[i]) <= most)) return i;
    return n;
}

static uint16_t bf16_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

void eng_quantize(enum eng_tensor_type type, const float *values, size_t n, void *out)
{
    size_t step = eng_type_info(type)->block_values;
    uint16_t *halves = out;
    if (type == ENG_F32) {
        memcpy(out, values, n * sizeof *values);
        return;
    }
    for (size_t at = 0, b = 0; at < n; at += step, b++) {
        const float *x = values + at;
        switch (type) {
        case ENG_F16:
            halves[b] = eng_half_of_float(*x);
            break;
        case ENG_BF16:
            halves[b] = bf16_of_float(*x);
            break;
        case ENG_Q8_0:
            quantize_q8_0(x, (struct eng_block_q8_0 *)out + b);
            break;
        case ENG_Q4_0:
            quantize_q4_0(x, (struct eng_block_q4_0 *)out + b);
            break;
        case ENG_IQ4_NL:
            quantize_iq4_nl(x, (struct eng_block_iq4_nl *)out + b);
            break;
        case ENG_Q4_K:
            quantize_q4_k(x, (struct eng_block_q4_k *)out + b);
            break;
        default: /* ENG_Q6_K */
            quantize_q6_k(x, (struct eng_block_q6_k *)out + b);
            break;
        }
    }
}
