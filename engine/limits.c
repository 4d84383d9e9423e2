/* What the machine can do at most: reading memory and multiplying, with a model's threads and
 * kernels. The roof under which `espalier bench` sets its figures; used for nothing else.
 *
 * Reading: every thread sums up its part of a block that no cache holds. Multiplying: every thread
 * repeats the kernel set's own product on operands that stay in the nearest cache, so what is left
 * out is everything but the instructions themselves.
 */
#include "engine/error.h"
#include "engine/model.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 5, BLOCK_BYTES = 256 << 20, COLS = 256, ROWS = 32, OUTPUTS = 32, REPEATS = 800 };

/* Operands of one thread's product. */
struct operands {
    uint8_t *packed;      /* OUTPUTS rows of COLS, packed, or as they are */
    uint16_t *panel, *x;  /* [OUTPUTS * COLS], [ROWS, COLS] */
    struct eng_q8_rows q; /* [ROWS, COLS] */
    float *y;             /* [ROWS, OUTPUTS] */
};

struct limits_job {
    const struct eng_model *model;
    const uint64_t *block;
    size_t words; /* of a thread */
    struct operands *operands;
    _Atomic uint64_t sum;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void read_task(const void *job, size_t task, int thread)
{
    (void)thread;
    struct limits_job *j = (struct limits_job *)job;
    const uint64_t *at = j->block + task * j->words;
    uint64_t sums[8] = {0};
    for (size_t i = 0; i + 8 <= j->words; i += 8)
        for (size_t k = 0; k < 8; k++)
            sums[k] += at[i + k];
    for (size_t k = 1; k < 8; k++)
        sums[0] += sums[k];
    atomic_fetch_add(&j->sum, sums[0]); /* so that it is really read */
}

static void multiply_task(const void *job, size_t task, int thread)
{
    (void)thread;
    const struct limits_job *j = job;
    const struct eng_kernels *kernels = j->model->kernels;
    struct operands *o = &j->operands[task];
    for (int i = 0; i < REPEATS; i++) {
        if (kernels->tile_product)
            kernels->tile_product(o->panel, COLS, OUTPUTS, o->x, ROWS, o->y, OUTPUTS);
        else
            kernels->product(ENG_Q8_0, o->packed, COLS, 0, OUTPUTS, &o->q, ROWS, o->y, OUTPUTS);
    }
}

/* The best of some rounds: seconds of a loop with one task a thread. */
static double best_time(struct limits_job *job, eng_work work)
{
    struct eng_pool *pool = job->model->pool;
    double best = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        eng_pool_enter(pool);
        double start = now();
        eng_pool_run(pool, work, job, (size_t)eng_pool_threads(pool));
        double seconds = now() - start;
        eng_pool_leave(pool);
        best = seconds < best ? seconds : best;
    }
    return best;
}

static void *aligned(size_t bytes)
{
    void *out = NULL;
    return posix_memalign(&out, 64, (bytes + 63) / 64 * 64) == 0 ? memset(out, 0, bytes) : NULL;
}

static bool make_operands(struct operands *o)
{
    o->packed = aligned((size_t)2 * OUTPUTS * COLS);
    o->panel = aligned(OUTPUTS * COLS * sizeof *o->panel);
    o->x = aligned(ROWS * COLS * sizeof *o->x);
    o->q.q = aligned(ROWS * COLS);
    o->q.scale = aligned(ROWS * COLS / ENG_Q8_VALUES * sizeof *o->q.scale);
    o->q.bias = aligned(ROWS * COLS / ENG_Q8_VALUES * sizeof *o->q.bias);
    o->q.half = aligned(ROWS * COLS / ENG_Q8_VALUES * sizeof *o->q.half);
    o->y = aligned(ROWS * OUTPUTS * sizeof *o->y);
    return o->packed && o->panel && o->x && o->q.q && o->q.scale && o->q.bias && o->q.half && o->y;
}

static void free_operands(struct operands *o)
{
    free(o->packed);
    free(o->panel);
    free(o->x);
    free(o->q.q);
    free(o->q.scale);
    free(o->q.bias);
    free(o->q.half);
    free(o->y);
}

enum eng_status eng_measure_limits(const struct eng_model *model, struct eng_limits *out,
                                   struct eng_error *err)
{
    size_t threads = (size_t)eng_pool_threads(model->pool);
    struct limits_job job = {.model = model, .words = BLOCK_BYTES / sizeof(uint64_t) / threads};
    uint64_t *block = malloc(BLOCK_BYTES);
    job.operands = calloc(threads, sizeof *job.operands);
    bool ok = block && job.operands;
    for (size_t i = 0; ok && i < threads; i++)
        ok = make_operands(&job.operands[i]);
    if (ok) {
        memset(block, 1, BLOCK_BYTES);
        job.block = block;
        double bytes = (double)(job.words * threads * sizeof *block);
        out->read_bytes = bytes / best_time(&job, read_task);
        double products = (double)threads * REPEATS * ROWS * COLS * OUTPUTS;
        out->products = products / best_time(&job, multiply_task);
    }
    for (size_t i = 0; job.operands && i < threads; i++)
        free_operands(&job.operands[i]);
    free(job.operands);
    free(block);
    return ok ? ENG_OK : eng_fail(err, ENG_NO_MEMORY, "out of memory for measuring limits");
}

static void add_matrix(const struct eng_model *model, const struct eng_matrix *m,
                       uint64_t *multiplied, uint64_t *read)
{
    uint64_t values = (uint64_t)m->outputs * m->cols, bytes = 0;
    size_t lanes = model->kernels->lanes;
    if (values == 0) return;
    eng_type_bytes(m->type, values, &bytes);
    if (m->packed)
        bytes = (m->outputs + lanes - 1) / lanes * eng_group_bytes(m->type, lanes, m->cols);
    *multiplied += values;
    *read += bytes;
}

void eng_model_work(const struct eng_model *model, uint64_t *multiplied, uint64_t *read,
                    int *threads)
{
    *multiplied = *read = 0;
    *threads = eng_pool_threads(model->pool);
    add_matrix(model, &model->ngram.projection, multiplied, read);
    for (uint32_t i = 0; i < model->info.layers; i++) {
        const struct eng_layer *l = &model->layers[i];
        const struct eng_matrix *of_layer[] = {&l->q,  &l->k,    &l->v,   &l->o,
                                               &l->up, &l->gate, &l->down};
        for (size_t k = 0; k < sizeof of_layer / sizeof of_layer[0]; k++)
            add_matrix(model, of_layer[k], multiplied, read);
    }
    uint64_t once = 0; /* a prompt needs logits of its last token only */
    add_matrix(model, &model->output, &once, read);
}
