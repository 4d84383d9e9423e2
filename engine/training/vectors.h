/* vectors.h: sixteen floats at a time, for the C parts of training; and bf16, the upper 16 bits
 * of a float, in memory. GCC's vectors: any target runs them, one with AVX-512 in one
 * instruction each. */
#ifndef ESPALIER_TRAINING_VECTORS_H
#define ESPALIER_TRAINING_VECTORS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

enum { LANES = 16 };

typedef float vec __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t ivec __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint32_t uvec __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint16_t half __attribute__((vector_size(32), aligned(2), may_alias));
typedef uint8_t bytes __attribute__((vector_size(16), aligned(1), may_alias));

static inline vec splat(float x)
{
    return x - (vec){0};
}

static inline vec load(const float *at)
{
    return *(const vec *)at;
}

static inline vec widen(const uint16_t *at)
{
    return (vec)(__builtin_convertvector(*(const half *)at, uvec) << 16);
}

/* Rounded to bf16, in the upper 16 bits. */
static inline uvec rounded(vec x)
{
    uvec bits = (uvec)x;
    return (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000u;
}

static inline void narrow(uint16_t *at, vec x)
{
    *(half *)at = __builtin_convertvector(rounded(x) >> 16, half);
}

static inline ivec relation_at(const uint8_t *at)
{
    return __builtin_convertvector(*(const bytes *)at, ivec);
}

static inline vec larger(vec a, vec b)
{
    ivec above = a > b;
    return (vec)(((ivec)a & above) | ((ivec)b & ~above));
}

static inline float sum_of(vec x)
{
    float sum = 0;
    for (size_t k = 0; k < LANES; k++)
        sum += x[k];
    return sum;
}

static inline float max_of(vec x)
{
    float top = x[0];
    for (size_t k = 1; k < LANES; k++)
        top = x[k] > top ? x[k] : top;
    return top;
}

/* e^x for x <= 0 or a little above; relative error about 2e-6, about 0 below -80. */
static inline vec exponential(vec x)
{
    x = larger(x, splat(-80.0f));
    vec shifted = x * 1.44269504f + 12582912.0f; /* rounds to a whole number in the low bits */
    ivec n = (ivec)shifted - 0x4b400000;
    vec r = x - (shifted - 12582912.0f) * 0.693147180f;
    vec p =
        1.0f + r * (1.0f + r * (0.5f + r * (0.16666667f + r * (0.041666667f + r * 0.0083333333f))));
    return p * (vec)((n + 127) << 23);
}

#endif
