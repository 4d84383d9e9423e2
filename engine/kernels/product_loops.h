/* product_loops.h: products of quantised weights with quantised activations, the loops that all
 * vector sets have in common. A set's own header (avx512_product.h and so on) says first what a
 * vector is, then includes this; the type of the weights is a constant in all that follows, so that
 * each is compiled by itself.
 *
 * A tile is TILE_GROUPS groups of weights by a few rows, and keeps its sums in registers. With few
 * rows, codes are unpacked in registers as they are read: decoding then takes memory as fast as it
 * comes. With many, the unpacking would be done again for every tile, so a strip of STRIP_BLOCKS
 * blocks is unpacked to bytes first, small enough for the nearest cache, and all rows go over it;
 * their sums wait in y meanwhile. Neither changes a sum's order, which kernels.h fixes.
 *
 * Wanted from the set: LANES, VECTOR (bytes), TILE_ROWS, STRIP_ROWS (rows from which unpacking
 * first is faster); the types floats, ints (dot products) and codes; and the functions that are
 * used below.
 */
#ifndef ESPALIER_ENGINE_KERNELS_PRODUCT_LOOPS_H
#define ESPALIER_ENGINE_KERNELS_PRODUCT_LOOPS_H

#include "engine/kernels/kernels.h"

#define STRIP_BLOCKS 32u
#define BLOCK_BYTES  (LANES * ENG_BLOCK_VALUES) /* of unpacked codes */

_Static_assert(STRIP_BLOCKS % ENG_SUPER_BLOCKS == 0, "strips are whole blocks of the file");

/* Some blocks of the groups that a tile multiplies with. */
struct strip {
    const uint8_t *codes; /* of block first */
    size_t codes_stride;  /* to the next group */
    const uint8_t *scales;
    size_t scales_stride;
    size_t first, last; /* blocks */
    size_t blocks;      /* of a whole row */
};

#ifndef SET_HAS_DOTS
/* dot[g][r]: of one run of block b. first: the place of row 0's block in x. */
INLINE void dots_of_run(ints dot[TILE_GROUPS][TILE_ROWS], const uint8_t *block, size_t stride,
                        const struct eng_q8_rows *x, size_t first, size_t row_blocks,
                        const size_t run, const size_t n_rows, const enum eng_tensor_type type,
                        const enum eng_tensor_type packed_as)
{
    const size_t steps = 8 / runs_of(type);
    UNROLL for (size_t r = 0; r < n_rows; r++)
    {
        ints start = dot_start(x, first + r * row_blocks, run, type);
        UNROLL for (size_t g = 0; g < TILE_GROUPS; g++) dot[g][r] = start;
    }
    UNROLL for (size_t k = run * steps; k < (run + 1) * steps; k++)
    {
        codes part[TILE_GROUPS];
        UNROLL for (size_t g = 0; g < TILE_GROUPS; g++) part[g] =
            codes_at(block + g * stride, k, packed_as);
        UNROLL for (size_t r = 0; r < n_rows; r++)
        {
            codes four = four_of(x->q + (first + r * row_blocks) * ENG_Q8_VALUES + k * 4);
            UNROLL for (size_t g = 0; g < TILE_GROUPS; g++) dot[g][r] =
                dot_add(dot[g][r], part[g], four, type);
        }
    }
    UNROLL for (size_t r = 0; r < n_rows; r++) UNROLL for (size_t g = 0; g < TILE_GROUPS; g++)
        dot[g][r] = dot_end(dot[g][r], x, first + r * row_blocks, type);
}
#endif

/* The sums of one block are added to sum. packed_as: ENG_Q8_0 where codes are unpacked. */
INLINE void add_block(floats sum[TILE_GROUPS][TILE_ROWS], const struct strip *w, size_t b,
                      const struct eng_q8_rows *x, size_t row, const size_t n_rows,
                      const enum eng_tensor_type type, const enum eng_tensor_type packed_as)
{
    const uint8_t *block = w->codes + (b - w->first) * LANES * eng_code_bytes(packed_as);
    size_t first = row * w->blocks + b;
    UNROLL for (size_t run = 0; run < runs_of(type); run++)
    {
        ints dot[TILE_GROUPS][TILE_ROWS];
        dots_of_run(dot, block, w->codes_stride, x, first, w->blocks, run, n_rows, type, packed_as);
        UNROLL for (size_t g = 0; g < TILE_GROUPS; g++)
        {
            floats scale = scale_at(w->scales + g * w->scales_stride, b, run, type);
            UNROLL for (size_t r = 0; r < n_rows; r++) sum[g][r] = fused(
                to_floats(dot[g][r]), times(scale, x->scale[first + r * w->blocks]), sum[g][r]);
        }
    }
    UNROLL for (size_t g = 0; g < TILE_GROUPS && type == ENG_Q4_K; g++)
    {
        floats minimum = minimum_at(w->scales + g * w->scales_stride, b);
        UNROLL for (size_t r = 0; r < n_rows; r++)
        {
            size_t at = first + r * w->blocks;
            sum[g][r] =
                minus_times(sum[g][r], minimum, eng_sum_of_block(x->scale[at], x->bias[at]));
        }
    }
}

/* Outputs of the tile's group g, of `left` outputs from the tile's first on. */
INLINE size_t left_of(size_t left, const size_t g)
{
    return left > g * LANES ? left - g * LANES : 0;
}

/* y[n_rows, TILE_GROUPS * LANES], from where y stands when the strip is not the first. The counts
 * are constants; left: outputs from y on. */
INLINE void tile(const struct strip *w, const struct eng_q8_rows *x, size_t row, float *y,
                 size_t y_stride, size_t left, const size_t n_rows, const enum eng_tensor_type type,
                 const enum eng_tensor_type packed_as)
{
    floats sum[TILE_GROUPS][TILE_ROWS];
    y += row * y_stride;
    UNROLL for (size_t g = 0; g < TILE_GROUPS; g++) UNROLL for (size_t r = 0; r < n_rows; r++)
        sum[g][r] = w->first == 0 ? zeros() : load(y + r * y_stride + g * LANES, left_of(left, g));
    for (size_t b = w->first; b < w->last; b++)
        add_block(sum, w, b, x, row, n_rows, type, packed_as);
    UNROLL for (size_t g = 0; g < TILE_GROUPS; g++) UNROLL for (size_t r = 0; r < n_rows; r++)
        store(y + r * y_stride + g * LANES, left_of(left, g), sum[g][r]);
}

INLINE void tiles(const struct strip *w, const struct eng_q8_rows *x, size_t rows, float *y,
                  size_t y_stride, size_t left, const enum eng_tensor_type type,
                  const enum eng_tensor_type packed_as)
{
    size_t row = 0;
    for (; packed_as == ENG_Q8_0 && row + TILE_ROWS <= rows; row += TILE_ROWS)
        tile(w, x, row, y, y_stride, left, TILE_ROWS, type, packed_as);
    for (; (TILE_ROWS > 2 || packed_as != ENG_Q8_0) && row + 2 <= rows; row += 2)
        tile(w, x, row, y, y_stride, left, 2, type, packed_as);
    if (row < rows) tile(w, x, row, y, y_stride, left, 1, type, packed_as);
}

/* Strip by strip over unpacked codes. */
INLINE void unpacked_tiles(const struct strip *w, const struct eng_q8_rows *x, size_t rows,
                           float *y, size_t y_stride, size_t left, const enum eng_tensor_type type)
{
    uint8_t unpacked[TILE_GROUPS * STRIP_BLOCKS * BLOCK_BYTES] __attribute__((aligned(64)));
    struct strip s = *w;
    s.codes = unpacked;
    s.codes_stride = STRIP_BLOCKS * BLOCK_BYTES;
    for (s.first = 0; s.first < w->blocks; s.first = s.last) {
        s.last = s.first + STRIP_BLOCKS < w->blocks ? s.first + STRIP_BLOCKS : w->blocks;
        for (size_t g = 0; g < TILE_GROUPS; g++) {
            const uint8_t *from = w->codes + g * w->codes_stride;
            uint8_t *to = unpacked + g * s.codes_stride;
            for (size_t b = s.first; b < s.last; b++, to += BLOCK_BYTES)
                UNROLL for (size_t k = 0; k < 8; k++) keep_codes(
                    to + k * VECTOR, codes_at(from + b * LANES * eng_code_bytes(type), k, type));
        }
        tiles(&s, x, rows, y, y_stride, left, type, ENG_Q8_0);
    }
}

INLINE void product_of(const void *weights, size_t cols, size_t first, size_t last,
                       const struct eng_q8_rows *x, size_t rows, float *y, size_t y_stride,
                       const enum eng_tensor_type type)
{
    size_t blocks = cols / ENG_BLOCK_VALUES, group_bytes = eng_group_bytes(type, LANES, cols);
    const uint8_t *group = (const uint8_t *)weights + first / LANES * group_bytes;
    for (; first < last; first += TILE_GROUPS * LANES, group += TILE_GROUPS * group_bytes) {
        /* A last group that is alone is both of its tile's; the second one's sums go nowhere. */
        size_t stride = last - first > LANES ? group_bytes : 0;
        struct strip w = {.codes = group,
                          .codes_stride = stride,
                          .scales = group + eng_group_codes(type, LANES, blocks),
                          .scales_stride = stride,
                          .last = blocks,
                          .blocks = blocks};
        if (type == ENG_Q8_0 || rows < STRIP_ROWS)
            tiles(&w, x, rows, y + first, y_stride, last - first, type, type);
        else
            unpacked_tiles(&w, x, rows, y + first, y_stride, last - first, type);
    }
}

/* The `product` of the set's table. */
static void product(enum eng_tensor_type type, const void *weights, size_t cols, size_t first,
                    size_t last, const struct eng_q8_rows *x, size_t rows, float *y,
                    size_t y_stride)
{
    switch (type) {
    case ENG_Q4_0:
        product_of(weights, cols, first, last, x, rows, y, y_stride, ENG_Q4_0);
        break;
    case ENG_IQ4_NL:
        product_of(weights, cols, first, last, x, rows, y, y_stride, ENG_IQ4_NL);
        break;
    case ENG_Q4_K:
        product_of(weights, cols, first, last, x, rows, y, y_stride, ENG_Q4_K);
        break;
    case ENG_Q6_K:
        product_of(weights, cols, first, last, x, rows, y, y_stride, ENG_Q6_K);
        break;
    default: /* ENG_Q8_0 */
        product_of(weights, cols, first, last, x, rows, y, y_stride, ENG_Q8_0);
        break;
    }
}

#endif
