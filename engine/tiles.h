/* tiles.h: products of many rows by a kernel set's tiles. Internal.
 *
 * All of them: the calling thread holds the pool, pass->by_tiles is set.
 */
#ifndef ESPALIER_ENGINE_TILES_H
#define ESPALIER_ENGINE_TILES_H

#include "engine/pass.h"

/* Rounds the rows x [pass->rows, cols] to pass->rounded, if these are not there already. */
void eng_tiles_round(struct eng_pass *pass, const float *x, size_t cols);

/* One row of x, by the task that has just computed it; pass->rounded_rows is then set to x by
 * whoever runs the tasks. */
static inline void eng_tiles_round_row(const struct eng_pass *pass, const float *x, size_t cols,
                                       size_t row)
{
    pass->model->kernels->tile_row(x + row * cols, 0, cols, cols, row, pass->rounded);
}

/* Outputs [first, last) of one product with the first `rows` of pass->rounded. A thread's part. */
void eng_tiles_multiply(const struct eng_pass *pass, const struct eng_product *product,
                        size_t first, size_t last, size_t rows, int thread);

/* The activated inner rows of a feed-forward network from the rounded rows of x [rows, d_model], at
 * once rounded, too: pass->rounded holds them afterwards, [rows, d_ff], and counts as that of
 * `activated`, which is not written. gate: NULL where the activation has none. Both are packed. */
void eng_tiles_feed(struct eng_pass *pass, const struct eng_matrix *up,
                    const struct eng_matrix *gate, const float *x, const float *activated);

#endif
