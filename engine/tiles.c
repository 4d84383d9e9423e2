/* Products by tiles, for the quantised weights of a prefill: a thread takes a panel of outputs,
 * expands its weights to bf16 and multiplies them with all rows of the chunk. Expanding takes as
 * long as the product of some 50 rows; that is why chunks are long then, and why single tokens are
 * decoded otherwise.
 *
 * What passes between two products is as large as the caches: the inner rows of a feed-forward
 * network, [512, 2048] for example, would be written and read three times as floats. So a panel's
 * results are activated and rounded while they are still in the thread's cache, a block of rows at
 * a time, and norms round their rows as they write them. The numbers are those of one step after
 * the other, bit by bit.
 *
 * Never allocates; scratch is the pass's.
 */
#include "engine/tiles.h"

/* ---- Rounding ---------------------------------------------------------------------- */

struct rounding {
    const struct eng_pass *pass;
    const float *x;
    size_t cols;
};

static void round_task(const void *job, size_t row, int thread)
{
    (void)thread;
    const struct rounding *r = job;
    eng_tiles_round_row(r->pass, r->x, r->cols, row);
}

void eng_tiles_round(struct eng_pass *pass, const float *x, size_t cols)
{
    struct rounding job = {pass, x, cols};
    if (pass->rounded_rows == x) return;
    eng_pool_run(pass->model->pool, round_task, &job, pass->rows);
}

/* ---- One product ------------------------------------------------------------------- */

static uint16_t *panel_of(const struct eng_pass *pass, int thread)
{
    return pass->panels + (size_t)thread * ENG_PANEL_OUTPUTS * pass->widest;
}

/* Weights of outputs [first, first + n), first a multiple of the lanes, to a panel [n, cols]. */
static void expand(const struct eng_pass *pass, const struct eng_matrix *w, size_t first, size_t n,
                   uint16_t *panel)
{
    const struct eng_kernels *kernels = pass->model->kernels;
    size_t group_bytes = eng_group_bytes(w->type, kernels->lanes, w->cols);
    kernels->tile_weights(w->type, w->packed + first / kernels->lanes * group_bytes, w->cols, n,
                          panel);
}

void eng_tiles_multiply(const struct eng_pass *pass, const struct eng_product *product,
                        size_t first, size_t last, size_t rows, int thread)
{
    const struct eng_matrix *w = product->matrix;
    uint16_t *panel = panel_of(pass, thread);
    for (; first < last; first += ENG_PANEL_OUTPUTS) {
        size_t n = last - first < ENG_PANEL_OUTPUTS ? last - first : ENG_PANEL_OUTPUTS;
        expand(pass, w, first, n, panel);
        pass->model->kernels->tile_product(panel, w->cols, n, pass->rounded, rows,
                                           product->y + first, product->y_stride);
    }
}

/* ---- Feed-forward networks --------------------------------------------------------- */

struct feed {
    const struct eng_pass *pass;
    const struct eng_matrix *up, *gate;
    size_t outputs; /* inner ones of a task: half a panel where the other half is the gate's */
};

/* The first n of each row [ENG_PANEL_OUTPUTS] become the activated ones. */
static void activate(const struct feed *f, float *row, size_t n)
{
    const struct eng_kernels *kernels = f->pass->model->kernels;
    if (f->gate)
        kernels->silu_mul(row, row + n, n);
    else
        kernels->relu2(row, n);
}

static void feed_task(const void *job, size_t task, int thread)
{
    const struct feed *f = job;
    const struct eng_pass *pass = f->pass;
    const struct eng_kernels *kernels = pass->model->kernels;
    size_t cols = f->up->cols, all = f->up->outputs, first = task * f->outputs;
    size_t n = all - first < f->outputs ? all - first : f->outputs;
    uint16_t *panel = panel_of(pass, thread);
    float *y = pass->fed + (size_t)thread * ENG_FED_ROWS * ENG_PANEL_OUTPUTS;

    if (f->gate) expand(pass, f->gate, first, n, panel);
    expand(pass, f->up, first, n, f->gate ? panel + n * cols : panel);
    for (size_t row = 0; row < pass->rows; row += ENG_FED_ROWS) {
        size_t rows = pass->rows - row < ENG_FED_ROWS ? pass->rows - row : ENG_FED_ROWS;
        kernels->tile_product(panel, cols, f->gate ? 2 * n : n, pass->rounded + row * cols, rows, y,
                              ENG_PANEL_OUTPUTS);
        for (size_t r = 0; r < rows; r++) {
            activate(f, y + r * ENG_PANEL_OUTPUTS, n);
            kernels->tile_row(y + r * ENG_PANEL_OUTPUTS, first, n, all, row + r,
                              pass->rounded_next);
        }
    }
}

void eng_tiles_feed(struct eng_pass *pass, const struct eng_matrix *up,
                    const struct eng_matrix *gate, const float *x, const float *activated)
{
    struct feed f = {pass, up, gate, gate ? ENG_PANEL_OUTPUTS / 2 : ENG_PANEL_OUTPUTS};
    eng_tiles_round(pass, x, up->cols);
    eng_pool_run(pass->model->pool, feed_task, &f, (up->outputs + f.outputs - 1) / f.outputs);
    uint16_t *done = pass->rounded_next;
    pass->rounded_next = pass->rounded;
    pass->rounded = done;
    pass->rounded_rows = activated;
}
