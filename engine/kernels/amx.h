/* amx.h: products of many rows and attention by AMX tiles of bf16, see kernels.h. Internal to the
 * kernel sets: the table "amx" is AVX-512 with VNNI and these, and is built only where they are. */
#ifndef ESPALIER_ENGINE_KERNELS_AMX_H
#define ESPALIER_ENGINE_KERNELS_AMX_H

#include "engine/kernels/kernels.h"

/* The instructions are there at compile time; older releases of Clang spell the tiles' macro
 * without an underscore. */
#if (defined(__AMX_BF16__) || defined(__AMXBF16__)) && defined(__AVX512BF16__)
#define ENG_HAS_TILES
#endif

void eng_amx_tile_weights(enum eng_tensor_type type, const void *packed, size_t cols,
                          size_t outputs, uint16_t *panel);
void eng_amx_tile_row(const float *x, size_t first, size_t n, size_t cols, size_t row,
                      uint16_t *out);
void eng_amx_tile_product(const uint16_t *panel, size_t cols, size_t outputs, const uint16_t *x,
                          size_t rows, float *y, size_t y_stride);

size_t eng_amx_cache_bytes(size_t dim);
void eng_amx_store(void *keys, void *values, size_t place, size_t dim, const float *k,
                   const float *v);
size_t eng_amx_bounds_bytes(size_t dim);
void eng_amx_bound(const void *keys, void *bounds, size_t block, size_t dim);
size_t eng_amx_attend_scratch(size_t dim);
void eng_amx_attend(const struct eng_attention *attention, void *scratch);

#endif
