/* neon_product.h: what a vector is to the products of quantised weights (product_loops.h) in the
 * sets of NEON. Included by neon.c alone.
 *
 * Only ARMv8.0 is assumed, where integer dot products go through 16-bit products. One instruction
 * of the dot-product extension does the same sum, and one of the matrix extension that of two rows
 * by two outputs over eight columns: all exact, so the three sets agree bit by bit.
 */
#ifndef ESPALIER_ENGINE_KERNELS_NEON_PRODUCT_H
#define ESPALIER_ENGINE_KERNELS_NEON_PRODUCT_H

#include "engine/kernels/kernels.h"

#include <string.h>

#define TILE_ROWS   4u
#define TILE_GROUPS 2u
#define STRIP_ROWS  8u
#define VECTOR      16u

typedef float32x4_t floats;
typedef int32x4_t ints;
typedef int8x16_t codes;

/* ---- Packed weights, see blocks.h -------------------------------------------------- */

INLINE size_t runs_of(const enum eng_tensor_type type)
{
    return type == ENG_Q6_K ? 2 : 1;
}

/* Columns 4k to 4k + 3 of a block whose codes lie at block; those of IQ4_NL looked up. */
INLINE codes codes_at(const uint8_t *block, size_t k, const enum eng_tensor_type type)
{
    if (type == ENG_Q8_0) return vreinterpretq_s8_u8(vld1q_u8(block + k * VECTOR));
    uint8x16_t w = vld1q_u8(block + k / 2 * VECTOR);
    w = k % 2 == 1 ? vshrq_n_u8(w, 4) : vandq_u8(w, vdupq_n_u8(15));
    if (type == ENG_IQ4_NL) return vqtbl1q_s8(vld1q_s8(eng_iq4_nl_values), w);
    if (type == ENG_Q6_K) { /* two bits more, at 4 and 5 */
        uint8x16_t high = vld1q_u8(block + (4 + k / 4) * VECTOR);
        if (k % 4 == 0) high = vshlq_n_u8(high, 4);
        if (k % 4 == 1) high = vshlq_n_u8(high, 2);
        if (k % 4 == 3) high = vshrq_n_u8(high, 2);
        w = vorrq_u8(w, vandq_u8(high, vdupq_n_u8(0x30)));
    }
    return vreinterpretq_s8_u8(w);
}

INLINE void keep_codes(uint8_t *to, codes w)
{
    vst1q_u8(to, vreinterpretq_u8_s8(w));
}

INLINE floats halves_at(const uint8_t *at)
{
    uint16_t halves[LANES];
    memcpy(halves, at, sizeof halves);
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves)));
}

/* Four halves by four small integers. */
INLINE floats times_bytes(const uint8_t *halves, const uint8_t *bytes, const bool with_sign)
{
    int32_t wide[LANES];
    for (size_t i = 0; i < LANES; i++)
        wide[i] = with_sign ? (int8_t)bytes[i] : bytes[i];
    return vmulq_f32(halves_at(halves), vcvtq_f32_s32(vld1q_s32(wide)));
}

INLINE floats scale_at(const uint8_t *scales, size_t b, size_t run, const enum eng_tensor_type type)
{
    size_t super = b / ENG_SUPER_BLOCKS, sub = b % ENG_SUPER_BLOCKS;
    const uint8_t *q4_k = scales + super * 20 * LANES, *q6_k = scales + super * 18 * LANES;
    if (type == ENG_Q4_K) return times_bytes(q4_k, q4_k + (4 + 2 * sub) * LANES, false);
    if (type == ENG_Q6_K) return times_bytes(q6_k, q6_k + (2 + 2 * sub + run) * LANES, true);
    return halves_at(scales + b * LANES * 2);
}

/* The minimum of block b, of Q4_K alone. */
INLINE floats minimum_at(const uint8_t *scales, size_t b)
{
    const uint8_t *at = scales + b / ENG_SUPER_BLOCKS * 20 * LANES;
    return times_bytes(at + 2 * LANES, at + (5 + 2 * (b % ENG_SUPER_BLOCKS)) * LANES, false);
}

/* ---- Integer dot products, four to a lane ------------------------------------------ */

/* Four activations in every lane. */
INLINE codes four_of(const int8_t *x)
{
    int32_t four;
    memcpy(&four, x, sizeof four);
    return vreinterpretq_s8_s32(vdupq_n_s32(four));
}

/* What codes exceed their weights by times the sum of a run's activations, negated. */
INLINE ints dot_start(const struct eng_q8_rows *x, size_t at, size_t run,
                      const enum eng_tensor_type type)
{
    if (type == ENG_Q4_0) return vdupq_n_s32(x->bias[at] / 16);
    if (type == ENG_Q6_K)
        return vdupq_n_s32((run == 0 ? x->half[at] : x->bias[at] - x->half[at]) / 4);
    return vdupq_n_s32(0);
}

/* A pair of products fits 16 bits only if it is widened before it is added: -128 * -127 twice
 * does not. */
INLINE ints dot_add(ints sum, codes w, codes x, const enum eng_tensor_type type)
{
    (void)type;
#if defined(__ARM_FEATURE_DOTPROD)
    return vdotq_s32(sum, w, x);
#else
    int32x4_t low = vpaddlq_s16(vmull_s8(vget_low_s8(w), vget_low_s8(x)));
    int32x4_t high = vpaddlq_s16(vmull_s8(vget_high_s8(w), vget_high_s8(x)));
    return vaddq_s32(sum, vpaddq_s32(low, high));
#endif
}

INLINE ints dot_end(ints sum, const struct eng_q8_rows *x, size_t at,
                    const enum eng_tensor_type type)
{
    (void)x, (void)at, (void)type;
    return sum;
}

/* ---- Sums -------------------------------------------------------------------------- */

INLINE floats zeros(void)
{
    return vdupq_n_f32(0);
}

INLINE floats to_floats(ints v)
{
    return vcvtq_f32_s32(v);
}

INLINE floats times(floats v, float factor)
{
    return vmulq_n_f32(v, factor);
}

/* a * b + c */
INLINE floats fused(floats a, floats b, floats c)
{
    return vfmaq_f32(c, a, b);
}

/* sum - v * factor */
INLINE floats minus_times(floats sum, floats v, float factor)
{
    return vfmsq_f32(sum, v, vdupq_n_f32(factor));
}

#if defined(__ARM_FEATURE_MATMUL_INT8)
#define SET_HAS_DOTS

/* Two rows by all lanes of one group: halves[0] has lanes 0 and 1, halves[1] lanes 2 and 3, the
 * first row's sum before the second's. */
INLINE void dots_of_rows(ints halves[2], const uint8_t *block, const int8_t *x, const int8_t *next,
                         const size_t run, const enum eng_tensor_type type,
                         const enum eng_tensor_type packed_as)
{
    const size_t steps = 8 / runs_of(type);
    halves[0] = halves[1] = vdupq_n_s32(0);
    UNROLL for (size_t k = run * steps; k < (run + 1) * steps; k += 2)
    {
        int32x4_t even = vreinterpretq_s32_s8(codes_at(block, k, packed_as));
        int32x4_t odd = vreinterpretq_s32_s8(codes_at(block, k + 1, packed_as));
        codes eight = vcombine_s8(vld1_s8(x + 4 * k), vld1_s8(next + 4 * k));
        halves[0] = vmmlaq_s32(halves[0], vreinterpretq_s8_s32(vzip1q_s32(even, odd)), eight);
        halves[1] = vmmlaq_s32(halves[1], vreinterpretq_s8_s32(vzip2q_s32(even, odd)), eight);
    }
}

INLINE void dots_of_run(ints dot[TILE_GROUPS][TILE_ROWS], const uint8_t *block, size_t stride,
                        const struct eng_q8_rows *x, size_t first, size_t row_blocks,
                        const size_t run, const size_t n_rows, const enum eng_tensor_type type,
                        const enum eng_tensor_type packed_as)
{
    const size_t steps = 8 / runs_of(type);
    UNROLL for (size_t g = 0; g < TILE_GROUPS; g++)
    {
        UNROLL for (size_t r = 0; r + 2 <= n_rows; r += 2)
        {
            size_t at = first + r * row_blocks, next = at + row_blocks;
            ints halves[2];
            dots_of_rows(halves, block + g * stride, x->q + at * ENG_Q8_VALUES,
                         x->q + next * ENG_Q8_VALUES, run, type, packed_as);
            dot[g][r] = vaddq_s32(vuzp1q_s32(halves[0], halves[1]), dot_start(x, at, run, type));
            dot[g][r + 1] =
                vaddq_s32(vuzp2q_s32(halves[0], halves[1]), dot_start(x, next, run, type));
        }
        if (n_rows % 2 == 0) continue;
        size_t at = first + (n_rows - 1) * row_blocks;
        ints sum = dot_start(x, at, run, type);
        UNROLL for (size_t k = run * steps; k < (run + 1) * steps; k++) sum =
            dot_add(sum, codes_at(block + g * stride, k, packed_as),
                    four_of(x->q + at * ENG_Q8_VALUES + k * 4), type);
        dot[g][n_rows - 1] = sum;
    }
}
#endif

#include "engine/kernels/product_loops.h"

#endif
