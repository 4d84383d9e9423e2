/* half.h: the two 16-bit floats of weight files, as fp32: exact, subnormals included. And fp16 of
 * fp32, as the cache of keys and values has it. */
#ifndef ESPALIER_ENGINE_HALF_H
#define ESPALIER_ENGINE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float eng_float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline float eng_float_of_bf16(uint16_t half)
{
    return eng_float_of_bits((uint32_t)half << 16);
}

static inline float eng_float_of_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = half >> 10 & 0x1fu, fraction = half & 0x3ffu;
    if (exponent == 0) { /* zero or subnormal: fraction * 2^-24 */
        float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    if (exponent == 31) return eng_float_of_bits(sign | 0x7f800000u | fraction << 13);
    return eng_float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

#define ENG_HALF_MAX 65504.0f

/* To the nearest, ties to even; what is too large becomes the largest, no number stays none. */
static inline uint16_t eng_half_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
    bits &= 0x7fffffffu;
    if (bits > 0x7f800000u) return sign | 0x7e00u;
    if (bits >= 0x477fe000u) return sign | 0x7bffu; /* from the largest on */
    if (bits < 0x38800000u) { /* subnormal: units of 2^-24, which fp32's own rounding finds */
        float magnitude = eng_float_of_bits(bits) + 0.5f;
        memcpy(&bits, &magnitude, sizeof bits);
        return sign | (uint16_t)(bits - 0x3f000000u);
    }
    bits += 0xfffu + (bits >> 13 & 1);
    return sign | (uint16_t)((bits - 0x38000000u) >> 13);
}

#endif
