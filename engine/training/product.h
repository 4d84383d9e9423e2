/* product.h: products of bf16 matrices with float sums, for the C parts of training: AMX tiles
 * where the compiler's target has them, otherwise plain vectors. */
#ifndef ESPALIER_TRAINING_PRODUCT_H
#define ESPALIER_TRAINING_PRODUCT_H

#include "vectors.h"

#include <stdbool.h>
#include <string.h>

#ifdef __AMX_BF16__
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

enum { TILE = 16 };

/* A factor on the right holds pairs of bf16 from two consecutive rows: [depth / 2, columns]. */

#ifdef __AMX_BF16__
static inline void products_begin(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA);
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config = {.palette = 1};
    for (size_t t = 0; t < 8; t++) {
        config.row_bytes[t] = 64;
        config.rows[t] = TILE;
    }
    _tile_loadconfig(&config);
}

static inline void products_end(void)
{
    _tile_release();
}

/* One 32 x 32 part of the product: c += a b over the whole depth. */
static inline void part(float *c, size_t ldc, const uint16_t *a, size_t lda, const uint32_t *b,
                        size_t ldb, size_t depth, bool onto)
{
    float *c2 = c + TILE * ldc;
    if (onto) {
        _tile_loadd(0, c, ldc * 4);
        _tile_loadd(1, c + TILE, ldc * 4);
        _tile_loadd(2, c2, ldc * 4);
        _tile_loadd(3, c2 + TILE, ldc * 4);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    for (size_t k = 0; k < depth; k += 32) {
        const uint32_t *bk = b + k / 2 * ldb;
        _tile_loadd(6, bk, ldb * 4);
        _tile_loadd(4, a + k, lda * 2);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, bk + TILE, ldb * 4);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, a + k + TILE * lda, lda * 2);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, c, ldc * 4);
    _tile_stored(1, c + TILE, ldc * 4);
    _tile_stored(2, c2, ldc * 4);
    _tile_stored(3, c2 + TILE, ldc * 4);
}
#else
static inline void products_begin(void)
{
}
static inline void products_end(void)
{
}

static inline void part(float *c, size_t ldc, const uint16_t *a, size_t lda, const uint32_t *b,
                        size_t ldb, size_t depth, bool onto)
{
    for (size_t i = 0; i < 32; i++) {
        vec left = onto ? load(c + i * ldc) : splat(0),
            right = onto ? load(c + i * ldc + LANES) : splat(0);
        for (size_t k = 0; k < depth; k += 2) {
            uint32_t pair[2] = {(uint32_t)a[i * lda + k] << 16, (uint32_t)a[i * lda + k + 1] << 16};
            float x, y;
            memcpy(&x, &pair[0], 4);
            memcpy(&y, &pair[1], 4);
            uvec b0 = *(const uvec *)(b + k / 2 * ldb),
                 b1 = *(const uvec *)(b + k / 2 * ldb + LANES);
            left += x * (vec)(b0 << 16) + y * (vec)(b0 & 0xffff0000u);
            right += x * (vec)(b1 << 16) + y * (vec)(b1 & 0xffff0000u);
        }
        *(vec *)(c + i * ldc) = left;
        *(vec *)(c + i * ldc + LANES) = right;
    }
}
#endif

/* c [m, n] = a [m, depth] b [depth, n], or added to c; all sizes are multiples of 32. */
static inline void product(float *c, size_t ldc, const uint16_t *a, size_t lda, const uint32_t *b,
                           size_t ldb, size_t m, size_t n, size_t depth, bool onto)
{
    for (size_t j = 0; j < n; j += 32)
        for (size_t i = 0; i < m; i += 32)
            part(c + i * ldc + j, ldc, a + i * lda, lda, b + j, ldb, depth, onto);
}

#endif
