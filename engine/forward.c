/* The forward pass: embedding, layers, logits.
 *
 * Reads like the formula: each line of `layer` is a line of the usual description of a
 * pre-norm decoder. How products are cut is product.c's business, what attention sees is
 * attention.c's. Nothing here allocates and nothing but scratch, keys and values of the
 * evaluated positions is written, so a pass that is cancelled leaves no trace: a session
 * counts a token only when the last layer is done.
 */
#include "engine/ngram.h"
#include "engine/session.h"
#include "engine/tiles.h"

#include <string.h>

/* Tokens of one elementwise task. */
#define TASK_ROWS 8u

struct elementwise {
    struct eng_pass *pass;
    const float *weight; /* of a norm, [d_model] */
    bool rounds;         /* the norm's rows are next multiplied by tiles */
};

static size_t task_end(size_t task, size_t rows)
{
    return (task + 1) * TASK_ROWS < rows ? (task + 1) * TASK_ROWS : rows;
}

static void run(struct eng_pass *pass, eng_work work)
{
    struct elementwise job = {.pass = pass};
    eng_pool_run(pass->model->pool, work, &job, (pass->rows + TASK_ROWS - 1) / TASK_ROWS);
}

/* The same of a norm; next: what its rows are multiplied with, NULL when not by tiles. */
static void run_norm(struct eng_pass *pass, eng_work work, const float *weight,
                     const struct eng_matrix *next)
{
    struct elementwise job = {pass, weight, pass->by_tiles && next && next->packed};
    eng_pool_run(pass->model->pool, work, &job, (pass->rows + TASK_ROWS - 1) / TASK_ROWS);
    pass->rounded_rows = job.rounds ? pass->h : NULL;
}

/* x = embedding of the token */
static void embed_task(const void *job, size_t task, int thread)
{
    (void)thread;
    struct eng_pass *pass = ((const struct elementwise *)job)->pass;
    for (size_t r = task * TASK_ROWS; r < task_end(task, pass->rows); r++) {
        const struct eng_span *span = eng_span_of(pass, r);
        const struct eng_input *input = &span->session->inputs[span->position + r - span->first];
        eng_matrix_row(&pass->model->embedding, (size_t)input->id,
                       pass->x + r * pass->model->info.d_model);
    }
}

/* grams = the table rows of the n-grams that end at the token */
static void gram_task(const void *job, size_t task, int thread)
{
    (void)thread;
    struct eng_pass *pass = ((const struct elementwise *)job)->pass;
    const struct eng_ngram *ngram = &pass->model->ngram;
    for (size_t r = task * TASK_ROWS; r < task_end(task, pass->rows); r++) {
        const struct eng_span *span = eng_span_of(pass, r);
        eng_ngram_gather(ngram, span->session->inputs, span->position + r - span->first,
                         pass->grams + r * ngram->count * ngram->length);
    }
}

/* h = norm(x) */
static void norm_task(const void *job, size_t task, int thread)
{
    (void)thread;
    const struct elementwise *e = job;
    const struct eng_model *model = e->pass->model;
    size_t width = model->info.d_model;
    for (size_t r = task * TASK_ROWS; r < task_end(task, e->pass->rows); r++) {
        model->kernels->rmsnorm(e->pass->x + r * width, e->weight, width, model->norm_epsilon,
                                e->pass->h + r * width);
        if (e->rounds) eng_tiles_round_row(e->pass, e->pass->h, width, r);
    }
}

/* x = x + h, h = norm(x) */
static void add_norm_task(const void *job, size_t task, int thread)
{
    struct eng_pass *pass = ((const struct elementwise *)job)->pass;
    size_t width = pass->model->info.d_model, first = task * TASK_ROWS;
    size_t n = (task_end(task, pass->rows) - first) * width;
    pass->model->kernels->add(pass->x + first * width, pass->h + first * width, n);
    norm_task(job, task, thread);
}

/* up = activation(up), or activation(gate) * up */
static void activation_task(const void *job, size_t task, int thread)
{
    (void)thread;
    struct eng_pass *pass = ((const struct elementwise *)job)->pass;
    size_t width = pass->model->info.d_ff, first = task * TASK_ROWS;
    size_t n = (task_end(task, pass->rows) - first) * width;
    if (pass->model->activation == ENG_SWIGLU)
        pass->model->kernels->silu_mul(pass->gate + first * width, pass->up + first * width, n);
    else
        pass->model->kernels->relu2(pass->up + first * width, n);
}

static void multiply(struct eng_pass *pass, const struct eng_product *products, size_t n,
                     const float *x)
{
    eng_multiply(pass, products, n, x, pass->rows, pass->span[0].position);
}

/* up or gate = activation of what the rows of h are multiplied with: the input of `down`. */
static float *feed(struct eng_pass *pass, const struct eng_layer *w)
{
    const struct eng_model *model = pass->model;
    bool swiglu = model->activation == ENG_SWIGLU;
    size_t d_ff = model->info.d_ff;
    float *activated = swiglu ? pass->gate : pass->up;
    const struct eng_product up[] = {{&w->up, pass->up, d_ff}, {&w->gate, pass->gate, d_ff}};

    if (pass->by_tiles && w->up.packed && (!swiglu || w->gate.packed) && w->down.packed) {
        eng_tiles_feed(pass, &w->up, swiglu ? &w->gate : NULL, pass->h, activated);
    } else {
        multiply(pass, up, swiglu ? 2 : 1, pass->h);
        run(pass, activation_task);
    }
    return activated;
}

/* On entry h holds the layer's normalised input, on return what is to be added to x. */
static void layer(struct eng_pass *pass, uint32_t number)
{
    const struct eng_model *model = pass->model;
    const struct eng_model_info *info = &model->info;
    const struct eng_layer *w = &model->layers[number];
    size_t q_dim = (size_t)info->heads * info->head_dim;
    size_t kv_dim = (size_t)info->kv_heads * info->head_dim;
    const struct eng_product qkv[] = {
        {&w->q, pass->q, q_dim}, {&w->k, pass->k, kv_dim}, {&w->v, pass->v, kv_dim}};
    const struct eng_product o[] = {{&w->o, pass->h, info->d_model}};
    const struct eng_product down[] = {{&w->down, pass->h, info->d_model}};

    multiply(pass, qkv, 3, pass->h);
    eng_attend(pass, number);
    multiply(pass, o, 1, pass->mixed);
    run_norm(pass, add_norm_task, w->ffn_norm, &w->up);
    multiply(pass, down, 1, feed(pass, w));
}

/* x = E[id] + P grams, h = norm(x) */
static void embed(struct eng_pass *pass)
{
    const struct eng_model *model = pass->model;
    const struct eng_product projection[] = {
        {&model->ngram.projection, pass->h, model->info.d_model}};

    run(pass, embed_task);
    if (model->ngram.count == 0) {
        run_norm(pass, norm_task, model->layers[0].attn_norm, &model->layers[0].q);
        return;
    }
    run(pass, gram_task);
    multiply(pass, projection, 1, pass->grams);
    run_norm(pass, add_norm_task, model->layers[0].attn_norm, &model->layers[0].q);
}

/* logits = output . h, for the rows of which they are wanted. Of one sequence they go where they
 * belong at once; of several the rows are brought together first, so that the matrix is read once.
 */
static void compute_logits(struct eng_pass *pass)
{
    const struct eng_model *model = pass->model;
    size_t width = model->info.d_model, vocab = model->info.vocab, n = 0;
    if (pass->n_spans == 1) {
        const struct eng_span *span = &pass->span[0];
        const struct eng_product logits[] = {{&model->output, span->logits, vocab}};
        if (span->logits_from < span->rows)
            eng_multiply(pass, logits, 1, pass->h + span->logits_from * width,
                         span->rows - span->logits_from, span->position + span->logits_from);
        return;
    }
    for (size_t i = 0; i < pass->n_spans; i++) {
        const struct eng_span *span = &pass->span[i];
        size_t rows = span->rows - span->logits_from;
        memmove(pass->h + n * width, pass->h + (span->first + span->logits_from) * width,
                rows * width * sizeof *pass->h);
        n += rows;
    }
    const struct eng_product logits[] = {{&model->output, pass->logits, vocab}};
    if (n > 0) eng_multiply(pass, logits, 1, pass->h, n, 0);
    const float *from = pass->logits;
    for (size_t i = 0; i < pass->n_spans; i++) {
        const struct eng_span *span = &pass->span[i];
        size_t values = (span->rows - span->logits_from) * vocab;
        if (values > 0) memcpy(span->logits, from, values * sizeof *from);
        from += values;
    }
}

/* The pages that the spans write to, and the inputs into them. */
static void open_pages(const struct eng_pass *pass)
{
    struct eng_cache *cache = pass->model->cache;
    for (size_t i = 0; i < pass->n_spans; i++) {
        const struct eng_span *span = &pass->span[i];
        struct eng_session *session = span->session;
        size_t end = span->position + span->rows;
        for (size_t at = span->again ? end : span->position; at < end;) {
            size_t number = at / ENG_CACHE_PAGE, start = number * ENG_CACHE_PAGE;
            size_t stop = end - start < ENG_CACHE_PAGE ? end - start : ENG_CACHE_PAGE;
            eng_page_write(cache, &session->pages[number], at - start, stop);
            session->page_bytes[number] = session->pages[number]->bytes;
            memcpy(eng_page_inputs(cache, session->pages[number]) + (at - start),
                   session->inputs + at, (start + stop - at) * sizeof *session->inputs);
            at = start + stop;
        }
    }
}

enum eng_status eng_forward(struct eng_pass *pass, bool prefill, eng_go_on go_on, void *user)
{
    const struct eng_model *model = pass->model;
    const struct eng_model_info *info = &model->info;

    open_pages(pass);
    pass->by_tiles = prefill && pass->has_tiles;
    pass->rounded_rows = NULL;
    embed(pass);
    eng_relate(pass);
    for (uint32_t i = 0; i < info->layers; i++) {
        if (go_on && !go_on(user)) return ENG_CANCELLED;
        layer(pass, i);
        const struct eng_layer *next = i + 1 < info->layers ? &model->layers[i + 1] : NULL;
        run_norm(pass, add_norm_task, next ? next->attn_norm : model->output_norm,
                 next ? &next->q : NULL);
    }
    pass->by_tiles = false;
    compute_logits(pass);
    return ENG_OK;
}
