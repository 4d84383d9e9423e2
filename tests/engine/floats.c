/* Arrays of floats for tests of the kernels. */
#include "tests/engine/floats.h"
#include "tests/engine/random_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

float *random_floats(uint64_t seed, size_t n, float spread)
{
    float *out = malloc((n + 1) * sizeof *out);
    for (size_t i = 0; i < n; i++)
        out[i] = spread * (float)(2 * random_uniform(&seed) - 1);
    out[n] = GUARD;
    return out;
}

void assert_close(const float *got, const float *want, size_t n, double bound)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - want[i]) <= bound * (1 + fabs(want[i]))))
            fail_msg("value %zu of %zu is %.9g, expected %.9g", i, n, got[i], want[i]);
}

void assert_same(const float *got, const float *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], sizeof *got) != 0)
            fail_msg("value %zu of %zu is %.9g, expected exactly %.9g", i, n, got[i], want[i]);
}

float of_bf16(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float out;
    memcpy(&out, &wide, sizeof out);
    return out;
}

uint16_t to_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
