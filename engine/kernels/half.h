/* half.h: the two 16-bit floats of weight files, as fp32. Exact, subnormals included. */
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

#endif
