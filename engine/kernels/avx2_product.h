/* avx2_product.h: what a vector is to the products of quantised weights (product_loops.h) in the
 * sets of AVX2, with and without VNNI. Included by avx2.c alone.
 */
#ifndef ESPALIER_ENGINE_KERNELS_AVX2_PRODUCT_H
#define ESPALIER_ENGINE_KERNELS_AVX2_PRODUCT_H

#include "engine/kernels/kernels.h"

#include <string.h>

#define TILE_ROWS   2u
#define TILE_GROUPS 2u
#define STRIP_ROWS  6u
#define VECTOR      32u

typedef __m256 floats;
typedef __m256i ints;
typedef __m256i codes;

/* ---- Packed weights, see blocks.h -------------------------------------------------- */

INLINE size_t runs_of(const enum eng_tensor_type type)
{
    return type == ENG_Q6_K ? 2 : 1;
}

/* Columns 4k to 4k + 3 of a block whose codes lie at block. Unsigned, but for Q8_0 and IQ4_NL
 * without VNNI. */
INLINE codes codes_at(const uint8_t *block, size_t k, const enum eng_tensor_type type)
{
    if (type == ENG_Q8_0) return _mm256_loadu_si256((const __m256i *)(block + k * VECTOR));
    __m256i w = _mm256_loadu_si256((const __m256i *)(block + k / 2 * VECTOR));
    if (k % 2 == 1) w = _mm256_srli_epi16(w, 4);
    w = _mm256_and_si256(w, _mm256_set1_epi8(15));
    if (type == ENG_IQ4_NL) {
        __m128i table = _mm_loadu_si128((const __m128i *)eng_iq4_nl_values);
        table = _mm_xor_si128(table, _mm_set1_epi8((char)FLIP));
        w = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), w);
    }
    if (type == ENG_Q6_K) { /* two bits more, at 4 and 5 */
        __m256i high = _mm256_loadu_si256((const __m256i *)(block + (4 + k / 4) * VECTOR));
        if (k % 4 == 0) high = _mm256_slli_epi16(high, 4);
        if (k % 4 == 1) high = _mm256_slli_epi16(high, 2);
        if (k % 4 == 3) high = _mm256_srli_epi16(high, 2);
        w = _mm256_or_si256(w, _mm256_and_si256(high, _mm256_set1_epi8(0x30)));
    }
    return w;
}

INLINE __m256 halves_at(const uint8_t *at)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)at));
}

INLINE __m256 times_bytes(const uint8_t *halves, const uint8_t *bytes, const bool with_sign)
{
    __m128i eight = _mm_loadl_epi64((const __m128i *)bytes);
    __m256i wide = with_sign ? _mm256_cvtepi8_epi32(eight) : _mm256_cvtepu8_epi32(eight);
    return _mm256_mul_ps(halves_at(halves), _mm256_cvtepi32_ps(wide));
}

INLINE __m256 scale_at(const uint8_t *scales, size_t b, size_t run, const enum eng_tensor_type type)
{
    size_t super = b / ENG_SUPER_BLOCKS, sub = b % ENG_SUPER_BLOCKS;
    const uint8_t *q4_k = scales + super * 20 * LANES, *q6_k = scales + super * 18 * LANES;
    if (type == ENG_Q4_K) return times_bytes(q4_k, q4_k + (4 + 2 * sub) * LANES, false);
    if (type == ENG_Q6_K) return times_bytes(q6_k, q6_k + (2 + 2 * sub + run) * LANES, true);
    return halves_at(scales + b * LANES * 2);
}

/* The minimum of block b, of Q4_K alone. */
INLINE __m256 minimum_at(const uint8_t *scales, size_t b)
{
    const uint8_t *at = scales + b / ENG_SUPER_BLOCKS * 20 * LANES;
    return times_bytes(at + 2 * LANES, at + (5 + 2 * (b % ENG_SUPER_BLOCKS)) * LANES, false);
}

INLINE void keep_codes(uint8_t *to, codes w)
{
    _mm256_store_si256((__m256i *)to, w);
}

/* ---- Integer dot products, four to a lane ------------------------------------------ */

/* Four activations in every lane. */
INLINE codes four_of(const int8_t *x)
{
    int32_t four;
    memcpy(&four, x, sizeof four);
    return _mm256_set1_epi32(four);
}

/* What codes exceed their weights by times the sum of a run's activations, negated. */
INLINE ints correction(const struct eng_q8_rows *x, size_t at, size_t run,
                       const enum eng_tensor_type type)
{
    if (type == ENG_Q4_0) return _mm256_srai_epi32(_mm256_set1_epi32(x->bias[at]), 4);
    if (type != ENG_Q6_K) return FLIP ? _mm256_set1_epi32(x->bias[at]) : _mm256_setzero_si256();
    int32_t bias = run == 0 ? x->half[at] : x->bias[at] - x->half[at];
    return _mm256_srai_epi32(_mm256_set1_epi32(bias), 2);
}

/* Without VNNI codes of at most 6 bits are multiplied as they are, and pairs of products fit
 * 16 bits; eight pairs of 4 bits do, too, so these are added up there and widened once. Weights of
 * 8 bits have a sign: the product of bytes takes one unsigned factor, so the sign moves to the
 * activation. As activations are at most 127 in magnitude, pairs fit here as well. */
INLINE bool is_narrow(const enum eng_tensor_type type)
{
    return !FLIP && (type == ENG_Q4_0 || type == ENG_Q4_K);
}

INLINE ints dot_start(const struct eng_q8_rows *x, size_t at, size_t run,
                      const enum eng_tensor_type type)
{
    if (type == ENG_Q4_K || is_narrow(type)) return _mm256_setzero_si256();
    return correction(x, at, run, type);
}

INLINE ints dot_add(ints sum, codes w, codes x, const enum eng_tensor_type type)
{
#ifdef ENG_AVX2_WITH_VNNI
    (void)type;
    return _mm256_dpbusd_avx_epi32(sum, w, x);
#else
    if (is_narrow(type)) return _mm256_add_epi16(sum, _mm256_maddubs_epi16(w, x));
    if (type != ENG_Q6_K) {
        x = _mm256_sign_epi8(x, w);
        w = _mm256_abs_epi8(w);
    }
    return _mm256_add_epi32(sum,
                            _mm256_madd_epi16(_mm256_maddubs_epi16(w, x), _mm256_set1_epi16(1)));
#endif
}

INLINE ints dot_end(ints sum, const struct eng_q8_rows *x, size_t at,
                    const enum eng_tensor_type type)
{
    if (!is_narrow(type)) return sum;
    sum = _mm256_madd_epi16(sum, _mm256_set1_epi16(1));
    return type == ENG_Q4_K ? sum : _mm256_add_epi32(sum, correction(x, at, 0, type));
}

/* ---- Sums -------------------------------------------------------------------------- */

INLINE floats zeros(void)
{
    return _mm256_setzero_ps();
}

INLINE floats to_floats(ints v)
{
    return _mm256_cvtepi32_ps(v);
}

INLINE floats times(floats v, float factor)
{
    return _mm256_mul_ps(v, _mm256_set1_ps(factor));
}

/* a * b + c */
INLINE floats fused(floats a, floats b, floats c)
{
    return _mm256_fmadd_ps(a, b, c);
}

/* sum - v * factor */
INLINE floats minus_times(floats sum, floats v, float factor)
{
    return _mm256_fnmadd_ps(v, _mm256_set1_ps(factor), sum);
}

#include "engine/kernels/product_loops.h"

#endif
