/* AMX: prefill by tiles of bf16.
 *
 * A tile instruction multiplies 16 rows by 16 outputs over 32 columns, 8192 multiplications in
 * the time of some 16 to 40 vector instructions, but it can only add up: scales that change every
 * 32 columns, as those of quantised weights do, would have to be applied outside, which takes
 * longer than the product itself (measured: 1.5 times the speed of VNNI, where this way has up
 * to 2.8 times). So weights are expanded to bf16, scale included, a panel of ENG_PANEL_OUTPUTS at a
 * time, used for all rows of the chunk, and forgotten; activations become bf16 as well. bf16 keeps
 * 8 bits: an activation has less error than when quantised by blocks of 32, a weight of Q8_0 about
 * a third of a step more.
 * Tiles of int8 with one scale for 128 columns take as long as these (the scales' part is hidden,
 * not gone) and have three times their error; for 256 columns they take 0.7 to 0.85 of the time and
 * have four times the error. Not kept.
 *
 * Tiles are state of a thread, loaded and released in each call: what the thread does in between
 * may use none, and a thread that uses them costs the system 8 KB more at each switch.
 */
#include "engine/kernels/amx.h"

#ifdef ENG_HAS_TILES

#include "engine/kernels/amx_tiles.h"
#include "engine/kernels/avx512_weights.h"

#include <string.h>

#define BLOCK 32u             /* columns of a tile, and of a block */
#define TILE  (LANES * BLOCK) /* values of a tile of weights */

_Static_assert(ENG_PANEL_OUTPUTS % (2 * LANES) == 0, "a panel is some pairs of tiles wide");
_Static_assert(ENG_BLOCK_VALUES == BLOCK, "a tile's columns are one block");

/* Where a byte of weights is put to be the fraction of a float: 256 + byte has the byte in bits
 * 15 to 22. */
#define FRACTION 15

/* f[lane] = scale[lane] * (byte - zero) - minimum[lane]: shifted is a vector whose bits 15 to 22
 * are the byte. Where a scale is a half float, scale * (256 + zero) fits a float, and subtracting
 * it after the product, as `minimum`, is exact; that of a K type has more bits. */
INLINE __m512 expand(__m512i shifted, __m512 scale, __m512 minimum, const enum eng_tensor_type type)
{
    const __m512i mask = _mm512_set1_epi32(0xff << FRACTION);
    const __m512i exponent = _mm512_set1_epi32(0x43800000); /* 256.0f */
    __m512 f = _mm512_castsi512_ps(
        _mm512_ternarylogic_epi32(shifted, mask, exponent, 0xea)); /* a & b | c */
    if (type == ENG_Q4_K || type == ENG_Q6_K)
        f = _mm512_sub_ps(f, _mm512_set1_ps(256.0f + (float)zero_of(type)));
    return _mm512_fmsub_ps(f, scale, minimum);
}

/* What expand takes for run `run` of block b. */
INLINE __m512 minimum_of(__m512 scale, const uint8_t *scales, size_t b,
                         const enum eng_tensor_type type)
{
    if (type == ENG_Q4_K) return minimum_at(scales, b);
    if (type == ENG_Q6_K) return _mm512_setzero_ps();
    return _mm512_mul_ps(scale, _mm512_set1_ps(256.0f + (float)zero_of(type)));
}

/* The bf16 of even and odd columns, side by side for each lane. */
static inline __m512i interleave(__m512 even, __m512 odd)
{
    const __m512i order =
        _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(odd, even));
}

/* One packed group as tiles [blocks][16][16 lanes][2]. A byte's weight is scale * (byte - zero)
 * - minimum. */
INLINE void expand_group(const uint8_t *codes, size_t blocks, uint16_t *out,
                         const enum eng_tensor_type type)
{
    const uint8_t *scales = codes + eng_group_codes(type, LANES, blocks);
    for (size_t b = 0; b < blocks; b++, codes += LANES * eng_code_bytes(type), out += TILE) {
        UNROLL for (size_t k = 0; k < 8; k++)
        {
            __m512 scale = scale_at(scales, b, k / (8 / runs_of(type)), type);
            __m512 minimum = minimum_of(scale, scales, b, type);
            __m512i v = codes_at(codes, k, type);
            __m512 f0 = expand(_mm512_slli_epi32(v, FRACTION), scale, minimum, type);
            __m512 f1 = expand(_mm512_slli_epi32(v, FRACTION - 8), scale, minimum, type);
            __m512 f2 = expand(_mm512_srli_epi32(v, 16 - FRACTION), scale, minimum, type);
            __m512 f3 = expand(_mm512_srli_epi32(v, 24 - FRACTION), scale, minimum, type);
            _mm512_storeu_si512(out + 4 * k * LANES, interleave(f0, f1));
            _mm512_storeu_si512(out + (4 * k + 2) * LANES, interleave(f2, f3));
        }
    }
}

INLINE void expand_groups(const void *packed, size_t cols, size_t outputs, uint16_t *panel,
                          const enum eng_tensor_type type)
{
    size_t blocks = cols / BLOCK, group_bytes = eng_group_bytes(type, LANES, cols);
    for (size_t g = 0; g * LANES < outputs; g++)
        expand_group((const uint8_t *)packed + g * group_bytes, blocks, panel + g * blocks * TILE,
                     type);
}

void eng_amx_tile_weights(enum eng_tensor_type type, const void *packed, size_t cols,
                          size_t outputs, uint16_t *panel)
{
    switch (type) {
    case ENG_Q4_0:
        expand_groups(packed, cols, outputs, panel, ENG_Q4_0);
        break;
    case ENG_IQ4_NL:
        expand_groups(packed, cols, outputs, panel, ENG_IQ4_NL);
        break;
    case ENG_Q4_K:
        expand_groups(packed, cols, outputs, panel, ENG_Q4_K);
        break;
    case ENG_Q6_K:
        expand_groups(packed, cols, outputs, panel, ENG_Q6_K);
        break;
    default: /* ENG_Q8_0 */
        expand_groups(packed, cols, outputs, panel, ENG_Q8_0);
        break;
    }
}

/* Tiles [row / 16][blocks][16 rows][32]: what a tile takes lies side by side, so that it comes from
 * sixteen consecutive cache lines; rows apart by a power of two would fall on one set. */
void eng_amx_tile_row(const float *x, size_t first, size_t n, size_t cols, size_t row,
                      uint16_t *out)
{
    out += row / LANES * LANES * cols + first * LANES + row % LANES * BLOCK;
    for (size_t i = 0; i < n; i += BLOCK, out += TILE)
        _mm512_storeu_si512(out, (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + i + LANES),
                                                              _mm512_loadu_ps(x + i)));
}

/* Tiles 0 to 3: sums of rows (0, 1) by outputs (0, 1); 4, 5: rows; 6, 7: weights. */

static void sum_two_by_two(const uint16_t *panel, size_t blocks, const uint16_t *x, float *y,
                           size_t y_bytes)
{
    const uint16_t *right = panel + blocks * TILE, *below = x + blocks * TILE;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (size_t at = 0; at < blocks * TILE; at += TILE) { /* what follows the last one is next */
        tile_prefetch(panel + at + TILE);
        _tile_loadd(4, x + at, TILE_BYTES);
        _tile_loadd(6, panel + at, TILE_BYTES);
        tile_prefetch(right + at + TILE);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, right + at, TILE_BYTES);
        tile_prefetch(x + at + TILE);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, below + at, TILE_BYTES);
        tile_prefetch(below + at + TILE);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    float *lower = y + LANES * (y_bytes / sizeof *y);
    _tile_stored(0, y, y_bytes);
    _tile_stored(1, y + LANES, y_bytes);
    _tile_stored(2, lower, y_bytes);
    _tile_stored(3, lower + LANES, y_bytes);
}

static void sum_one_by_one(const uint16_t *tiles, size_t blocks, const uint16_t *x, float *y)
{
    _tile_zero(0);
    for (size_t at = 0; at < blocks * TILE; at += TILE) {
        _tile_loadd(4, x + at, TILE_BYTES);
        _tile_loadd(6, tiles + at, TILE_BYTES);
        _tile_dpbf16ps(0, 4, 6);
    }
    _tile_stored(0, y, LANES * sizeof *y);
}

/* Sixteen rows by at most sixteen outputs: what there is of them. */
static void sum_edge(const uint16_t *tiles, size_t blocks, const uint16_t *x, size_t rows,
                     size_t outputs, float *y, size_t y_stride)
{
    float sums[LANES * LANES] __attribute__((aligned(64)));
    sum_one_by_one(tiles, blocks, x, sums);
    for (size_t r = 0; r < rows; r++)
        memcpy(y + r * y_stride, sums + r * LANES, outputs * sizeof *sums);
}

/* 32 rows by all outputs before the next 32: their activations stay in the nearest cache. */
void eng_amx_tile_product(const uint16_t *panel, size_t cols, size_t outputs, const uint16_t *x,
                          size_t rows, float *y, size_t y_stride)
{
    size_t blocks = cols / BLOCK;
    tiles_configure();
    for (size_t row = 0; row < rows; row += 2 * LANES) {
        size_t left = rows - row, o = 0;
        const uint16_t *in = x + row * cols;
        float *out = y + row * y_stride;
        for (; left >= 2 * LANES && o + 2 * LANES <= outputs; o += 2 * LANES)
            sum_two_by_two(panel + o * cols, blocks, in, out + o, y_stride * sizeof *y);
        for (; o < outputs; o += LANES)
            for (size_t r = 0; r < 2 * LANES && r < left; r += LANES)
                sum_edge(
                    panel + o * cols, blocks, in + r * cols, left - r < LANES ? left - r : LANES,
                    outputs - o < LANES ? outputs - o : LANES, out + r * y_stride + o, y_stride);
    }
    _tile_release();
}

#endif
