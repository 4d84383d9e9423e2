/* avx512_math.h: what the files of AVX-512 have in common. Included by files that are compiled for
 * it, only. */
#ifndef ESPALIER_ENGINE_KERNELS_AVX512_MATH_H
#define ESPALIER_ENGINE_KERNELS_AVX512_MATH_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define LANES  16u
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* Lanes that exist of a vector with `left` elements from it on. */
INLINE __mmask16 tail_of(size_t left)
{
    return left < LANES ? (__mmask16)((1u << left) - 1) : 0xffff;
}

/* e^x to 2 ulp; 0 below -80, so that no product with it is subnormal. */
INLINE __m512 exp16(__m512 x)
{
    __mmask16 normal = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-80.0f), _CMP_GE_OQ);
    x = _mm512_min_ps(x, _mm512_set1_ps(88.0f));
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)),
                                    _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 f = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    f = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), f);
    __m512 p = _mm512_set1_ps(1.0f / 720);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f / 120));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f / 24));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f / 6));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.5f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
    return _mm512_maskz_scalef_ps(normal, p, n);
}

/* table[relation] for up to 16 relations. */
INLINE __m512 look_up(const uint8_t *relation, __mmask16 tail, __m512 table)
{
    return _mm512_permutexvar_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(tail, relation)), table);
}

#endif
