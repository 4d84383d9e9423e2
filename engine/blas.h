/* blas.h: OpenBLAS's sgemm, found at run time. Internal to the engine. */
#ifndef ESPALIER_ENGINE_BLAS_H
#define ESPALIER_ENGINE_BLAS_H

#include <stddef.h>

struct eng_blas {
    const char *core; /* the kernels that OpenBLAS chose, "SkylakeX" ... */

    /* C[m, n] = A[m, k] * B[n, k] transposed, all row-major; ldc: floats between rows of C. */
    void (*product)(const struct eng_blas *blas, int m, int n, int k, const float *a,
                    const float *b, float *c, int ldc);
    void *sgemm;
};

/* Loads the library at the first call of the process and keeps it. NULL when there is
 * none. Any thread; see blas.c for what it does to the environment. */
const struct eng_blas *eng_blas_load(void);

#endif
