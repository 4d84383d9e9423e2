/* amx.h: products of many rows by AMX tiles of bf16, see tile_* in kernels.h. Internal to the
 * kernel sets; the table "amx" is AVX-512 with VNNI and these. NULL functions do not exist: where
 * the compiler's target has no AMX, nothing here is called. */
#ifndef ESPALIER_ENGINE_KERNELS_AMX_H
#define ESPALIER_ENGINE_KERNELS_AMX_H

#include <stddef.h>
#include <stdint.h>

void eng_amx_tile_weights(const void *packed, size_t cols, size_t outputs, uint16_t *panel);
void eng_amx_tile_rows(const float *x, size_t n, uint16_t *out);
void eng_amx_tile_product(const uint16_t *panel, size_t cols, size_t outputs, const uint16_t *x,
                          size_t rows, float *y, size_t y_stride);

#endif
