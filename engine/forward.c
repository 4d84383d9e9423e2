/* The forward pass: embedding, layers, logits.
 *
 * Reads like the formula: each line of `layer` is a line of the usual description of a
 * pre-norm decoder. How products are cut is product.c's business, what attention sees is
 * attention.c's. Nothing here allocates and nothing but scratch, keys and values of the
 * evaluated positions is written, so a pass that is cancelled leaves no trace: the session
 * counts a token only when the last layer is done.
 */
#include "engine/ngram.h"
#include "engine/session.h"

/* Tokens of one elementwise task. */
#define TASK_ROWS 8u

struct elementwise {
    struct eng_session *session;
    const float *weight; /* of a norm, [d_model] */
    size_t position, rows;
};

static size_t task_end(size_t task, size_t rows)
{
    return (task + 1) * TASK_ROWS < rows ? (task + 1) * TASK_ROWS : rows;
}

static void run(struct eng_session *session, eng_work work, const float *weight, size_t position,
                size_t rows)
{
    struct elementwise job = {session, weight, position, rows};
    eng_pool_run(session->model->pool, work, &job, (rows + TASK_ROWS - 1) / TASK_ROWS);
}

/* x = embedding of the token */
static void embed_task(const void *job, size_t task, int thread)
{
    (void)thread;
    const struct elementwise *e = job;
    const struct eng_model *model = e->session->model;
    for (size_t r = task * TASK_ROWS; r < task_end(task, e->rows); r++)
        eng_matrix_row(&model->embedding, (size_t)e->session->inputs[e->position + r].id,
                       e->session->x + r * model->info.d_model);
}

/* grams = the table rows of the n-grams that end at the token */
static void gram_task(const void *job, size_t task, int thread)
{
    (void)thread;
    const struct elementwise *e = job;
    const struct eng_ngram *ngram = &e->session->model->ngram;
    for (size_t r = task * TASK_ROWS; r < task_end(task, e->rows); r++)
        eng_ngram_gather(ngram, e->session->inputs, e->position + r,
                         e->session->grams + r * ngram->count * ngram->length);
}

/* h = norm(x) */
static void norm_task(const void *job, size_t task, int thread)
{
    (void)thread;
    const struct elementwise *e = job;
    const struct eng_model *model = e->session->model;
    size_t width = model->info.d_model;
    for (size_t r = task * TASK_ROWS; r < task_end(task, e->rows); r++)
        model->kernels->rmsnorm(e->session->x + r * width, e->weight, width, model->norm_epsilon,
                                e->session->h + r * width);
}

/* x = x + h, h = norm(x) */
static void add_norm_task(const void *job, size_t task, int thread)
{
    const struct elementwise *e = job;
    size_t width = e->session->model->info.d_model, first = task * TASK_ROWS;
    size_t n = (task_end(task, e->rows) - first) * width;
    e->session->model->kernels->add(e->session->x + first * width, e->session->h + first * width,
                                    n);
    norm_task(job, task, thread);
}

/* up = activation(up), or activation(gate) * up */
static void activation_task(const void *job, size_t task, int thread)
{
    (void)thread;
    const struct elementwise *e = job;
    struct eng_session *session = e->session;
    size_t width = session->model->info.d_ff, first = task * TASK_ROWS;
    size_t n = (task_end(task, e->rows) - first) * width;
    if (session->model->activation == ENG_SWIGLU)
        session->model->kernels->silu_mul(session->gate + first * width,
                                          session->up + first * width, n);
    else
        session->model->kernels->relu2(session->up + first * width, n);
}

/* On entry h holds the layer's normalised input, on return what is to be added to x. */
static void layer(struct eng_session *session, uint32_t number, size_t position, size_t rows)
{
    const struct eng_model *model = session->model;
    const struct eng_model_info *info = &model->info;
    const struct eng_layer *w = &model->layers[number];
    size_t q_dim = (size_t)info->heads * info->head_dim;
    size_t kv_dim = (size_t)info->kv_heads * info->head_dim;
    bool swiglu = model->activation == ENG_SWIGLU;

    const struct eng_product qkv[] = {
        {&w->q, session->q, q_dim}, {&w->k, session->k, kv_dim}, {&w->v, session->v, kv_dim}};
    const struct eng_product o[] = {{&w->o, session->h, info->d_model}};
    const struct eng_product up[] = {{&w->up, session->up, info->d_ff},
                                     {&w->gate, session->gate, info->d_ff}};
    const struct eng_product down[] = {{&w->down, session->h, info->d_model}};

    eng_multiply(session, qkv, 3, session->h, rows, position);
    eng_attend(session, number, position, rows);
    eng_multiply(session, o, 1, session->mixed, rows, position);
    run(session, add_norm_task, w->ffn_norm, position, rows);
    eng_multiply(session, up, swiglu ? 2 : 1, session->h, rows, position);
    run(session, activation_task, NULL, position, rows);
    eng_multiply(session, down, 1, swiglu ? session->gate : session->up, rows, position);
}

/* x = E[id] + P grams, h = norm(x) */
static void embed(struct eng_session *session, size_t position, size_t rows)
{
    const struct eng_model *model = session->model;
    const struct eng_product projection[] = {
        {&model->ngram.projection, session->h, model->info.d_model}};

    run(session, embed_task, NULL, position, rows);
    if (model->ngram.count == 0) {
        run(session, norm_task, model->layers[0].attn_norm, position, rows);
        return;
    }
    run(session, gram_task, NULL, position, rows);
    eng_multiply(session, projection, 1, session->grams, rows, position);
    run(session, add_norm_task, model->layers[0].attn_norm, position, rows);
}

enum eng_status eng_forward(struct eng_session *session, bool prefill, size_t position, size_t n,
                            size_t first_row, float *out, eng_cancel *cancel)
{
    const struct eng_model *model = session->model;
    const struct eng_model_info *info = &model->info;
    enum eng_status status = ENG_OK;

    eng_pool_enter(model->pool);
    session->by_tiles = prefill && session->has_tiles;
    embed(session, position, n);
    eng_relate(session, position, n);
    for (uint32_t i = 0; i < info->layers; i++) {
        if (cancel && atomic_load_explicit(cancel, memory_order_relaxed)) {
            status = ENG_CANCELLED;
            break;
        }
        layer(session, i, position, n);
        run(session, add_norm_task,
            i + 1 < info->layers ? model->layers[i + 1].attn_norm : model->output_norm, position,
            n);
    }
    session->by_tiles = false;
    if (status == ENG_OK && first_row < n) {
        const struct eng_product logits[] = {{&model->output, out, info->vocab}};
        eng_multiply(session, logits, 1, session->h + first_row * info->d_model, n - first_row,
                     position + first_row);
    }
    eng_pool_leave(model->pool);
    return status;
}
