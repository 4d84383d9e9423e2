/* attend.h: how keys and values of one head lie in a page of the cache, and attention over pages.
 * Internal.
 *
 * Three formats. fp32, for models whose own weights are no coarser; halves (fp16), for quantised
 * models; and that of a kernel set with `attend`, which does all of it. In the first two, keys lie
 * in blocks of ENG_KEY_LANES positions, [block][dim][16], and values in rows, [position][dim]; the
 * steps (scores, softmax, values) are the kernel set's.
 */
#ifndef ESPALIER_ENGINE_ATTEND_H
#define ESPALIER_ENGINE_ATTEND_H

#include "engine/kernels/kernels.h"

enum eng_format { ENG_CACHE_F32, ENG_CACHE_F16, ENG_CACHE_OF_SET };

/* Bytes of the keys, and as many of the values, of one head in a page. They have to be zero at
 * first. */
size_t eng_format_bytes(const struct eng_kernels *kernels, enum eng_format format, size_t dim);

/* Bytes of the bounds of one head in a page: of each dimension, the largest and the smallest value
 * in each block of keys. */
size_t eng_format_bounds(const struct eng_kernels *kernels, enum eng_format format, size_t dim);

/* Of each thread that attends, aligned to 64 bytes and zero at first. */
size_t eng_attend_scratch(const struct eng_kernels *kernels, enum eng_format format, size_t dim);

/* Writes one token's key [dim] and value [dim] at a place in [0, ENG_CACHE_PAGE). */
void eng_attend_store(const struct eng_kernels *kernels, enum eng_format format, void *keys,
                      void *values, size_t place, size_t dim, const float *k, const float *v);

/* Writes the bounds of a page's block of keys, all of which are stored. */
void eng_attend_bound(const struct eng_kernels *kernels, enum eng_format format, const void *keys,
                      void *bounds, size_t block, size_t dim);

void eng_attend_cached(const struct eng_kernels *kernels, enum eng_format format,
                       const struct eng_attention *attention, void *scratch);

#endif
