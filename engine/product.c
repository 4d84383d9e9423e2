/* Matrix products of a forward pass: which kernel, cut how, on which threads.
 *
 * Three ways. By tiles, where the kernel set has them, for the quantised weights of a prefill: see
 * tiles.c. Our other kernels: quantised weights
 * with activations quantised to 8 bits, other types in fp32; the
 * pool's threads take runs of outputs, and as a kernel's result for one row depends on nothing but
 * that row, any cut gives the same bits. Or OpenBLAS: weights are expanded panel by panel into a
 * thread's scratch and multiplied in fp32. A library's rounding may depend on the shape of a call
 * and on a row's place in it, so every call has ENG_TILE rows, and a token always stands in the row
 * that its position gives it (position mod ENG_TILE), be it prefilled or decoded; rows of tokens
 * that are not asked for are zero. A decoded token so costs a whole tile: the price of identical
 * bits, and why this way is taken only on request or where no vector set runs. (One core with
 * AVX-512, 20 M weights of F16, 400 tokens: 310 ms and 6 ms a decoded token by our kernels, 490 ms
 * and 77 ms by OpenBLAS.)
 *
 * Holds no state of its own and never allocates; scratch is the pass's.
 */
#include "engine/pass.h"
#include "engine/tiles.h"

#include <string.h>

/* Outputs of one task of our own kernels: a multiple of every set's lanes. Panels of tiles are
 * twice as wide where all threads get some of them, so that rows are read half as often. */
#define TASK_OUTPUTS 64u
_Static_assert(ENG_PANEL_OUTPUTS == 2 * TASK_OUTPUTS, "a wide panel is two tasks'");

#define MAX_PRODUCTS 3u

struct multiplication {
    struct eng_pass *pass;
    const struct eng_product *products;
    size_t n;
    const float *x; /* [rows, cols] */
    size_t rows, cols, position;
    size_t outputs_per_task;
    size_t first_task[MAX_PRODUCTS + 1];
};

/* ---- Our own kernels --------------------------------------------------------------- */

static void quantize_task(const void *job, size_t task, int thread)
{
    (void)thread;
    const struct multiplication *m = job;
    const struct eng_q8_rows *all = &m->pass->quantized;
    size_t at = task * (m->cols / ENG_Q8_VALUES);
    struct eng_q8_rows row = {all->q + task * m->cols, all->scale + at, all->bias + at,
                              all->half + at};
    m->pass->model->kernels->quantize(m->x + task * m->cols, m->cols, &row);
}

static void multiply_own(const struct multiplication *m, const struct eng_product *product,
                         size_t first, size_t last)
{
    const struct eng_kernels *kernels = m->pass->model->kernels;
    const struct eng_matrix *w = product->matrix;
    float *y = product->y;
    size_t stride = product->y_stride;

    switch (w->type) {
    case ENG_F32:
        kernels->f32_product(w->rows, w->cols, first, last, m->x, m->rows, y, stride);
        break;
    case ENG_F16:
        kernels->f16_product(w->rows, w->cols, first, last, m->x, m->rows, y, stride);
        break;
    case ENG_BF16:
        kernels->bf16_product(w->rows, w->cols, first, last, m->x, m->rows, y, stride);
        break;
    default:
        kernels->product(w->type, w->packed ? (const void *)w->packed : w->rows, w->cols, first,
                         last, &m->pass->quantized, m->rows, y, stride);
        break;
    }
}

/* ---- OpenBLAS ---------------------------------------------------------------------- */

/* Tiles that hold the rows: those of positions [position, position + rows). */
static size_t tile_count(const struct multiplication *m)
{
    size_t end = m->position + m->rows;
    return (end + ENG_TILE - 1) / ENG_TILE - m->position / ENG_TILE;
}

/* The part of the i-th tile that exists: rows [*from, *to) of x, whose first stands in row
 * *at of the tile. */
static void tile_rows(const struct multiplication *m, size_t i, size_t *from, size_t *to,
                      size_t *at)
{
    size_t start = (m->position / ENG_TILE + i) * ENG_TILE, end = start + ENG_TILE;
    *from = start > m->position ? start - m->position : 0;
    *to = end - m->position < m->rows ? end - m->position : m->rows;
    *at = start < m->position ? m->position - start : 0;
}

/* Copies the tiles that are not complete in x, at most the first and the last. */
static void fill_edges(const struct multiplication *m)
{
    size_t tiles = tile_count(m);
    for (size_t side = 0; side < 2; side++) {
        size_t from, to, at;
        if (side == 1 && tiles == 1) break;
        tile_rows(m, side == 0 ? 0 : tiles - 1, &from, &to, &at);
        float *edge = m->pass->edges + side * ENG_TILE * m->cols; /* [ENG_TILE, cols] */
        memset(edge, 0, ENG_TILE * m->cols * sizeof *edge);
        memcpy(edge + at * m->cols, m->x + from * m->cols, (to - from) * m->cols * sizeof *edge);
    }
}

static void multiply_blas(const struct multiplication *m, const struct eng_product *product,
                          size_t first, size_t last, int thread)
{
    const struct eng_pass *pass = m->pass;
    const struct eng_blas *blas = pass->model->blas;
    const struct eng_matrix *w = product->matrix;
    size_t n = last - first, cols = m->cols, tiles = tile_count(m);
    float *tile = pass->tile + (size_t)thread * ENG_TILE * ENG_PANEL; /* [ENG_TILE, n] */
    const float *panel;                                               /* [n, cols] */

    if (w->type == ENG_F32) {
        panel = (const float *)w->rows + first * cols;
    } else {
        uint64_t row_bytes = 0;
        float *expanded = pass->panel + (size_t)thread * ENG_PANEL * cols;
        eng_type_bytes(w->type, cols, &row_bytes);
        eng_expand_weights((const uint8_t *)w->rows + first * row_bytes, w->type, n * cols,
                           expanded);
        panel = expanded;
    }
    for (size_t i = 0; i < tiles; i++) {
        size_t from, to, at;
        tile_rows(m, i, &from, &to, &at);
        bool whole = to - from == ENG_TILE;
        const float *a = m->x + from * cols;
        if (!whole) a = pass->edges + (i == 0 ? 0 : 1) * ENG_TILE * cols;
        blas->product(blas, (int)ENG_TILE, (int)n, (int)cols, a, panel, tile, (int)n);
        for (size_t r = from; r < to; r++)
            memcpy(product->y + r * product->y_stride + first, tile + (at + r - from) * n,
                   n * sizeof *tile);
    }
}

/* ---- Both -------------------------------------------------------------------------- */

static void product_task(const void *job, size_t task, int thread)
{
    const struct multiplication *m = job;
    size_t p = 0;
    while (task >= m->first_task[p + 1])
        p++;
    const struct eng_product *product = &m->products[p];
    size_t first = (task - m->first_task[p]) * m->outputs_per_task;
    size_t last = first + m->outputs_per_task;
    if (last > product->matrix->outputs) last = product->matrix->outputs;
    if (m->pass->model->blas)
        multiply_blas(m, product, first, last, thread);
    else if (m->pass->by_tiles && product->matrix->packed)
        eng_tiles_multiply(m->pass, product, first, last, m->rows, thread);
    else
        multiply_own(m, product, first, last);
}

static size_t outputs_per_task(const struct eng_pass *pass, const struct eng_product *products,
                               size_t n)
{
    size_t outputs = 0, threads = (size_t)eng_pool_threads(pass->model->pool);
    if (pass->model->blas) return ENG_PANEL;
    for (size_t p = 0; p < n; p++)
        outputs += products[p].matrix->outputs;
    bool wide = pass->by_tiles && outputs >= 2 * threads * ENG_PANEL_OUTPUTS;
    return wide ? ENG_PANEL_OUTPUTS : TASK_OUTPUTS;
}

void eng_multiply(struct eng_pass *pass, const struct eng_product *products, size_t n,
                  const float *x, size_t rows, size_t position)
{
    const struct eng_model *model = pass->model;
    struct multiplication m = {.pass = pass,
                               .products = products,
                               .n = n,
                               .x = x,
                               .rows = rows,
                               .cols = products[0].matrix->cols,
                               .position = position,
                               .outputs_per_task = outputs_per_task(pass, products, n)};
    bool quantized = false, rounded = false;
    for (size_t p = 0; p < n; p++) {
        size_t tasks = (products[p].matrix->outputs + m.outputs_per_task - 1) / m.outputs_per_task;
        m.first_task[p + 1] = m.first_task[p] + tasks;
        bool tiles = pass->by_tiles && products[p].matrix->packed;
        rounded |= tiles;
        quantized |= eng_is_quantized(products[p].matrix->type) && !model->blas && !tiles;
    }
    if (model->blas) fill_edges(&m);
    if (quantized) eng_pool_run(model->pool, quantize_task, &m, rows);
    if (rounded) eng_tiles_round(pass, x, m.cols);
    eng_pool_run(model->pool, product_task, &m, m.first_task[n]);
    pass->rounded_rows = NULL;
}
