/* attend.h: the cache of keys and values of one head, and attention over it. Internal.
 *
 * Three formats. fp32, for models whose own weights are no coarser; halves (fp16), for quantised
 * models; and that of a kernel set with `attend`, which does all of it. In the first two, keys lie
 * in blocks of ENG_KEY_LANES positions, [block][dim][16], and values in rows, [position][dim]; the
 * steps (scores, softmax, values) are the kernel set's.
 */
#ifndef ESPALIER_ENGINE_ATTEND_H
#define ESPALIER_ENGINE_ATTEND_H

#include "engine/kernels/kernels.h"

enum eng_cache { ENG_CACHE_F32, ENG_CACHE_F16, ENG_CACHE_OF_SET };

/* Bytes of the keys, and as many of the values, of one head; positions a multiple of
 * ENG_CACHE_UNIT. They have to be zero at first. */
size_t eng_cache_bytes(const struct eng_kernels *kernels, enum eng_cache cache, size_t positions,
                       size_t dim);

/* Of each thread that attends, aligned to 64 bytes and zero at first. */
size_t eng_attend_scratch(const struct eng_kernels *kernels, enum eng_cache cache, size_t dim);

/* Writes one token's key [dim] and value [dim]. */
void eng_cache_store(const struct eng_kernels *kernels, enum eng_cache cache, void *keys,
                     void *values, size_t position, size_t dim, const float *k, const float *v);

void eng_attend_cached(const struct eng_kernels *kernels, enum eng_cache cache,
                       const struct eng_attention *attention, void *scratch);

#endif
