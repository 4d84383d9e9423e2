/* floats.h: arrays of floats for tests of the kernels. */
#ifndef ESPALIER_TESTS_FLOATS_H
#define ESPALIER_TESTS_FLOATS_H

#include <stddef.h>
#include <stdint.h>

#define GUARD 12345.5f /* what lies past an output must stay */

/* n values in [-spread, spread) and a GUARD behind them; the caller frees. */
float *random_floats(uint64_t seed, size_t n, float spread);

/* Fails the running test unless each value is within bound * (1 + its magnitude), or the same bit
 * by bit. */
void assert_close(const float *got, const float *want, size_t n, double bound);
void assert_same(const float *got, const float *want, size_t n);

float of_bf16(uint16_t bits);
uint16_t to_bf16(float value); /* to the nearest, ties to even */

#endif
