/* avx512_product.h: what a vector is to the products of quantised weights (product_loops.h) in the
 * sets of AVX-512. Included by avx512.c alone.
 *
 * Codes are unsigned and activations signed, as VNNI multiplies; what a code exceeds its weight by
 * is subtracted beforehand, times the sum of the activations. Without VNNI a code of at most 6 bits
 * is multiplied in pairs that fit 16 bits; eight pairs of 4 bits do, too, so these are added up
 * there and widened once.
 */
#ifndef ESPALIER_ENGINE_KERNELS_AVX512_PRODUCT_H
#define ESPALIER_ENGINE_KERNELS_AVX512_PRODUCT_H

#include "engine/kernels/avx512_weights.h"
#include "engine/kernels/kernels.h"

#include <string.h>

#define TILE_ROWS   6u
#define TILE_GROUPS 2u
#define STRIP_ROWS  6u

typedef __m512 floats;
typedef __m512i ints;
typedef __m512i codes;

INLINE void keep_codes(uint8_t *to, codes w)
{
    _mm512_store_si512(to, w);
}

/* Four activations in every lane. */
INLINE codes four_of(const int8_t *x)
{
    int32_t four;
    memcpy(&four, x, sizeof four);
    return _mm512_set1_epi32(four);
}

/* Minus zero_of(type) times the sum of a run's activations. */
INLINE ints correction(const struct eng_q8_rows *x, size_t at, size_t run,
                       const enum eng_tensor_type type)
{
    if (type == ENG_Q4_0) return _mm512_srai_epi32(_mm512_set1_epi32(x->bias[at]), 4);
    if (type != ENG_Q6_K) return _mm512_set1_epi32(x->bias[at]);
    int32_t bias = run == 0 ? x->half[at] : x->bias[at] - x->half[at];
    return _mm512_srai_epi32(_mm512_set1_epi32(bias), 2);
}

/* Summed up in 16 bits. */
INLINE bool is_narrow(const enum eng_tensor_type type)
{
#ifdef __AVX512VNNI__
    (void)type;
    return false;
#else
    return type == ENG_Q4_0 || type == ENG_Q4_K;
#endif
}

INLINE ints dot_start(const struct eng_q8_rows *x, size_t at, size_t run,
                      const enum eng_tensor_type type)
{
    if (type == ENG_Q4_K || is_narrow(type)) return _mm512_setzero_si512();
    return correction(x, at, run, type);
}

INLINE ints dot_add(ints sum, codes w, codes x, const enum eng_tensor_type type)
{
#ifdef __AVX512VNNI__
    (void)type;
    return _mm512_dpbusd_epi32(sum, w, x);
#else
    if (is_narrow(type)) return _mm512_add_epi16(sum, _mm512_maddubs_epi16(w, x));
    if (type == ENG_Q6_K)
        return _mm512_add_epi32(
            sum, _mm512_madd_epi16(_mm512_maddubs_epi16(w, x), _mm512_set1_epi16(1)));
    __m512i w_even = _mm512_and_si512(w, _mm512_set1_epi16(0xff)), w_odd = _mm512_srli_epi16(w, 8);
    __m512i x_even = _mm512_srai_epi16(_mm512_slli_epi16(x, 8), 8), x_odd = _mm512_srai_epi16(x, 8);
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(w_even, x_even));
    return _mm512_add_epi32(sum, _mm512_madd_epi16(w_odd, x_odd));
#endif
}

INLINE ints dot_end(ints sum, const struct eng_q8_rows *x, size_t at,
                    const enum eng_tensor_type type)
{
    if (!is_narrow(type)) return sum;
    sum = _mm512_madd_epi16(sum, _mm512_set1_epi16(1));
    return type == ENG_Q4_K ? sum : _mm512_add_epi32(sum, correction(x, at, 0, type));
}

INLINE floats zeros(void)
{
    return _mm512_setzero_ps();
}

INLINE floats to_floats(ints v)
{
    return _mm512_cvtepi32_ps(v);
}

INLINE floats times(floats v, float factor)
{
    return _mm512_mul_ps(v, _mm512_set1_ps(factor));
}

/* a * b + c */
INLINE floats fused(floats a, floats b, floats c)
{
    return _mm512_fmadd_ps(a, b, c);
}

/* sum - v * factor */
INLINE floats minus_times(floats sum, floats v, float factor)
{
    return _mm512_fnmadd_ps(v, _mm512_set1_ps(factor), sum);
}

INLINE floats load(const float *x, size_t left)
{
    return _mm512_maskz_loadu_ps(tail_of(left), x);
}

INLINE void store(float *x, size_t left, floats v)
{
    _mm512_mask_storeu_ps(x, tail_of(left), v);
}

#include "engine/kernels/product_loops.h"

#endif
