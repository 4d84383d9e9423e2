/* avx512_weights.h: packed weights (blocks.h) as vectors of 16 lanes: four columns' codes at a
 * time, and the scales of a block. The type is a constant wherever these are called, so that
 * each caller is compiled once a type and holds no branch. Included by files that are compiled for
 * AVX-512, only.
 */
#ifndef ESPALIER_ENGINE_KERNELS_AVX512_WEIGHTS_H
#define ESPALIER_ENGINE_KERNELS_AVX512_WEIGHTS_H

#include "engine/kernels/avx512_math.h"
#include "engine/kernels/blocks.h"

#define VECTOR 64u /* bytes */

/* What is added to a weight to make its code unsigned. */
INLINE int zero_of(const enum eng_tensor_type type)
{
    return type == ENG_Q4_0 ? 8 : type == ENG_Q6_K ? 32 : type == ENG_Q4_K ? 0 : 128;
}

/* Runs of a block, each with a scale of its own. */
INLINE size_t runs_of(const enum eng_tensor_type type)
{
    return type == ENG_Q6_K ? 2 : 1;
}

/* The table of IQ4_NL with 128 added, in each quarter of the register. */
INLINE __m512i iq4_nl_table(void)
{
    __m128i table = _mm_loadu_si128((const __m128i *)eng_iq4_nl_values);
    return _mm512_broadcast_i32x4(_mm_xor_si128(table, _mm_set1_epi8((char)0x80)));
}

/* Columns 4k to 4k + 3 of a block whose codes lie at block, as unsigned bytes. */
INLINE __m512i codes_at(const uint8_t *block, size_t k, const enum eng_tensor_type type)
{
    if (type == ENG_Q8_0) return _mm512_loadu_si512(block + k * VECTOR);
    __m512i w = _mm512_loadu_si512(block + k / 2 * VECTOR);
    if (k % 2 == 1) w = _mm512_srli_epi16(w, 4);
    w = _mm512_and_si512(w, _mm512_set1_epi8(15));
    if (type == ENG_IQ4_NL) w = _mm512_shuffle_epi8(iq4_nl_table(), w);
    if (type == ENG_Q6_K) { /* two bits more, at 4 and 5 */
        __m512i high = _mm512_loadu_si512(block + (4 + k / 4) * VECTOR);
        if (k % 4 == 0) high = _mm512_slli_epi16(high, 4);
        if (k % 4 == 1) high = _mm512_slli_epi16(high, 2);
        if (k % 4 == 3) high = _mm512_srli_epi16(high, 2);
        w = _mm512_ternarylogic_epi32(w, high, _mm512_set1_epi8(0x30), 0xf8); /* a | b & c */
    }
    return w;
}

INLINE __m512 halves_at(const uint8_t *at)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)at));
}

/* The scale of run `run` of block b; scales: the group's. */
INLINE __m512 scale_at(const uint8_t *scales, size_t b, size_t run, const enum eng_tensor_type type)
{
    size_t super = b / ENG_SUPER_BLOCKS, sub = b % ENG_SUPER_BLOCKS;
    if (type == ENG_Q4_K) {
        const uint8_t *at = scales + super * 20 * LANES;
        __m128i bytes = _mm_loadu_si128((const __m128i *)(at + (4 + 2 * sub) * LANES));
        return _mm512_mul_ps(halves_at(at), _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)));
    }
    if (type == ENG_Q6_K) {
        const uint8_t *at = scales + super * 18 * LANES;
        __m128i bytes = _mm_loadu_si128((const __m128i *)(at + (2 + 2 * sub + run) * LANES));
        return _mm512_mul_ps(halves_at(at), _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)));
    }
    return halves_at(scales + b * LANES * 2);
}

/* The minimum of block b, of Q4_K alone. */
INLINE __m512 minimum_at(const uint8_t *scales, size_t b)
{
    size_t super = b / ENG_SUPER_BLOCKS, sub = b % ENG_SUPER_BLOCKS;
    const uint8_t *at = scales + super * 20 * LANES;
    __m128i bytes = _mm_loadu_si128((const __m128i *)(at + (5 + 2 * sub) * LANES));
    return _mm512_mul_ps(halves_at(at + 2 * LANES),
                         _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)));
}

#endif
