/* Attention of one layer over the cache, with the structure terms.
 *
 * The parent mask is never stored: for the tokens of a chunk, one byte per cached token
 * says which relation holds (eng_relate, once a chunk and not once a layer), computed from
 * the records by the rule below, and attention looks the byte up in a table of 12 numbers
 * a head. How keys and values are kept and gone over is attend.c's business.
 *
 * A token's result depends on the cache up to itself alone.
 */
#include "engine/policy.h"
#include "engine/session.h"
#include "engine/sparse.h"

#include <math.h>
#include <string.h>

/* The relation r(i, j), in ascending precedence; the numbers index the model's tables. */
enum relation {
    RELATION_ELSEWHERE = 0,
    RELATION_ANCESTOR = 1, /* + level - 1, up to 8 */
    RELATION_SAME_NODE = 9,
    RELATION_SIBLING = 10,
    RELATION_SEGMENT = 11
};

/* Tokens of one elementwise task. */
#define TASK_ROWS 8u

/* A layer's attention: the tasks of each span come one after the other. */
struct job {
    struct eng_pass *pass;
    const struct eng_layer *layer;
    uint32_t number; /* of the layer */
    size_t first_task[ENG_SPANS + 1];
};

/* ---- Relations --------------------------------------------------------------------- */

/* r(i, j) for the token at i and all j <= i:
 *   another segment (prefix and middle are one)        RELATION_SEGMENT, else
 *   j is the start of an enclosing node, nearest first RELATION_ANCESTOR + level - 1, else
 *   j starts an earlier child of i's innermost node    RELATION_SIBLING, else
 *   j lies in i's innermost node                       RELATION_SAME_NODE, else
 *   RELATION_ELSEWHERE. */
static void relate_one(const struct eng_session *session, size_t i, uint8_t *out)
{
    const struct eng_record *record = &session->inputs[i].record;
    const uint8_t *group = session->group;
    const int32_t *innermost = session->innermost;
    uint8_t own_group = group[i];
    int32_t node = record->chain[0];
    size_t inside = node >= 0 ? (size_t)node + 1 : i + 1; /* first token past the node's start */

    for (size_t j = 0; j < inside; j++)
        out[j] = group[j] == own_group ? RELATION_ELSEWHERE : RELATION_SEGMENT;
    for (size_t j = inside; j <= i; j++) {
        uint8_t in_node = innermost[j] == node ? RELATION_SIBLING : RELATION_SAME_NODE;
        out[j] = group[j] == own_group ? in_node : RELATION_SEGMENT;
    }
    if (node >= 0) out[i] = RELATION_SAME_NODE; /* not its own earlier sibling */
    for (size_t level = ENG_LEVELS; level > 0; level--) {
        int32_t start = record->chain[level - 1];
        if (start >= 0 && group[start] == own_group)
            out[start] = (uint8_t)(RELATION_ANCESTOR + level - 1);
    }
}

static void relate_task(const void *job, size_t row, int thread)
{
    (void)thread;
    const struct eng_pass *pass = job;
    const struct eng_span *span = eng_span_of(pass, row);
    relate_one(span->session, span->position + row - span->first,
               pass->relation + row * pass->padded);
}

void eng_relate(struct eng_pass *pass)
{
    if (pass->relation) eng_pool_run(pass->model->pool, relate_task, pass, pass->rows);
    eng_sparse_choose(pass);
}

/* ---- Queries, keys and values ------------------------------------------------------ */

static void rotate(const struct eng_pass *pass, float *head, size_t position)
{
    const struct eng_model *model = pass->model;
    size_t half = model->rope_dim / 2;
    const float *cosine = pass->cosine + position * half; /* [half] */
    const float *sine = pass->sine + position * half;

    if (!model->rope_interleaved) {
        model->kernels->rope_halves(head, cosine, sine, half);
        return;
    }
    for (size_t i = 0; i < half; i++) {
        float a = head[2 * i], b = head[2 * i + 1];
        head[2 * i] = a * cosine[i] - b * sine[i];
        head[2 * i + 1] = a * sine[i] + b * cosine[i];
    }
}

/* Turns a head of key-value head kv_head by the token's depth and sibling number. */
static void rotate_in_tree(const struct job *job, float *head, size_t kv_head,
                           const struct eng_record *record)
{
    const struct eng_model *model = job->pass->model;
    size_t half = model->info.head_dim / 2;
    const size_t places[2] = {record->depth, record->sibling};
    for (size_t i = 0; i < 2 && job->layer->turns; i++) {
        size_t step = places[i] < ENG_TREE_STEPS ? places[i] : ENG_TREE_STEPS - 1;
        const float *turn = /* [2, half] */
            job->layer->turns + ((kv_head * 2 + i) * ENG_TREE_STEPS + step) * 2 * half;
        model->kernels->rope_halves(head, turn, turn + half, half);
    }
}

static void store_key_value(const struct job *job, const struct eng_session *session,
                            size_t position, size_t row, uint32_t kv_head)
{
    const struct eng_pass *pass = job->pass;
    const struct eng_model *model = pass->model;
    size_t dim = model->info.head_dim, at = (row * model->info.kv_heads + kv_head) * dim;
    uint8_t *keys = session->pages[position / ENG_CACHE_PAGE]->bytes +
                    eng_cache_head(model->cache, job->number, kv_head);
    eng_attend_store(model->kernels, eng_cache_format(model->cache), keys,
                     keys + eng_cache_values(model->cache), position % ENG_CACHE_PAGE, dim,
                     pass->k + at, pass->v + at);
}

static void prepare_row(const struct job *job, size_t row)
{
    const struct eng_pass *pass = job->pass;
    const struct eng_model *model = pass->model;
    const struct eng_model_info *info = &model->info;
    const struct eng_span *span = eng_span_of(pass, row);
    size_t position = span->position + row - span->first;
    size_t dim = info->head_dim, q_dim = info->heads * dim;
    float *q = pass->q + row * q_dim;                /* [heads, dim] */
    float *k = pass->k + row * info->kv_heads * dim; /* [kv_heads, dim] */

    for (size_t h = 0; h < info->heads && job->layer->q_norm; h++)
        model->kernels->rmsnorm(q + h * dim, job->layer->q_norm, dim, model->norm_epsilon,
                                q + h * dim);
    if (pass->q_plain) memcpy(pass->q_plain + row * q_dim, q, q_dim * sizeof *q);
    const struct eng_record *record = &span->session->inputs[position].record;
    for (size_t h = 0; h < info->heads; h++) {
        rotate(pass, q + h * dim, position);
        rotate_in_tree(job, q + h * dim, h / (info->heads / info->kv_heads), record);
    }

    for (uint32_t h = 0; h < info->kv_heads; h++) {
        if (job->layer->k_norm)
            model->kernels->rmsnorm(k + h * dim, job->layer->k_norm, dim, model->norm_epsilon,
                                    k + h * dim);
        rotate(pass, k + h * dim, position);
        rotate_in_tree(job, k + h * dim, h, record);
        store_key_value(job, span->session, position, row, h);
    }
}

static void prepare_task(const void *data, size_t task, int thread)
{
    (void)thread;
    const struct job *job = data;
    for (size_t row = task * TASK_ROWS; row < job->pass->rows && row < (task + 1) * TASK_ROWS;
         row++)
        prepare_row(job, row);
}

/* Bounds of the blocks of keys that the pass has completed. */
static void bound_task(const void *data, size_t task, int thread)
{
    (void)thread;
    const struct job *job = data;
    const struct eng_model *model = job->pass->model;
    const struct eng_cache *cache = model->cache;
    for (size_t row = task * TASK_ROWS; row < job->pass->rows && row < (task + 1) * TASK_ROWS;
         row++) {
        const struct eng_span *span = eng_span_of(job->pass, row);
        size_t position = span->position + row - span->first;
        if (position % ENG_KEY_LANES != ENG_KEY_LANES - 1) continue;
        uint8_t *page = span->session->pages[position / ENG_CACHE_PAGE]->bytes;
        for (uint32_t h = 0; h < model->info.kv_heads; h++) {
            uint8_t *keys = page + eng_cache_head(cache, job->number, h);
            eng_attend_bound(model->kernels, eng_cache_format(cache), keys,
                             keys + eng_cache_bounds(cache),
                             position % ENG_CACHE_PAGE / ENG_KEY_LANES, model->info.head_dim);
        }
    }
}

/* ---- Attention --------------------------------------------------------------------- */

/* The table of one query row: a head's own, or for ADDITIVE_KEY the products of the query
 * with the head's vectors, scaled like scores. */
static const float *table_of(const struct job *job, size_t row, size_t head, float scale,
                             float made[ENG_TABLE])
{
    const struct eng_model *model = job->pass->model;
    const struct eng_model_info *info = &model->info;
    size_t dim = info->head_dim;

    if (info->structure != ENG_STRUCTURE_ADDITIVE_KEY)
        return job->layer->structure ? job->layer->structure + head * ENG_TABLE : NULL;
    const float *vectors = job->layer->structure + head * ENG_RELATIONS * dim; /* [12, dim] */
    const float *q = job->pass->q_plain + (row * info->heads + head) * dim;
    model->kernels->f32_product(vectors, dim, 0, ENG_RELATIONS, q, 1, made, ENG_TABLE);
    for (size_t r = 0; r < ENG_RELATIONS; r++)
        made[r] *= scale;
    for (size_t r = ENG_RELATIONS; r < ENG_TABLE; r++)
        made[r] = 0;
    return made;
}

static enum eng_term term_of(enum eng_structure structure)
{
    switch (structure) {
    case ENG_STRUCTURE_ADDITIVE:
    case ENG_STRUCTURE_ADDITIVE_KEY:
        return ENG_TERM_ADD;
    case ENG_STRUCTURE_MULTIPLICATIVE:
        return ENG_TERM_SCALE;
    case ENG_STRUCTURE_GATED:
        return ENG_TERM_GATE;
    case ENG_STRUCTURE_NONE:
        break;
    }
    return ENG_TERM_NONE;
}

/* Attention of a span's tokens [first, first + tokens) for the heads that share a key-value head;
 * tokens * heads is at most ENG_ATTEND_ROWS. */
static void attend(const struct job *job, const struct eng_span *span, uint32_t kv_head,
                   size_t first, size_t tokens, int thread)
{
    static const float hidden[ENG_TABLE] = {[ENG_HIDDEN] = ENG_HIDDEN_TERM};
    const struct eng_pass *pass = job->pass;
    const struct eng_model *model = pass->model;
    const struct eng_model_info *info = &model->info;
    size_t dim = info->head_dim, heads = info->heads / info->kv_heads;
    bool sparse = eng_sparse_layer(model, job->number);
    const uint8_t *relation = sparse ? pass->chosen : pass->relation;
    size_t keys = eng_cache_head(model->cache, job->number, kv_head);
    float made[ENG_ATTEND_ROWS][ENG_TABLE];
    struct eng_attention a = {.rows = tokens * heads,
                              .dim = dim,
                              .term = sparse ? ENG_TERM_ADD : term_of(info->structure),
                              .scale = 1.0f / sqrtf((float)dim),
                              .pages = span->session->page_bytes,
                              .keys = keys,
                              .values = keys + eng_cache_values(model->cache),
                              .sharing = heads,
                              .margin = model->policy.margin,
                              .count = &pass->counts[thread]};
    bool by_position = eng_policy_by_position(model);
    size_t bounds = eng_cache_bounds(model->cache);
    if (bounds > 0) a.bounds = keys + bounds;
    for (size_t r = 0; r < a.rows; r++) {
        size_t token = first + r / heads, row = span->first + token,
               h = kv_head * heads + r % heads;
        a.q[r] = pass->q + (row * info->heads + h) * dim;
        a.out[r] = pass->mixed + (row * info->heads + h) * dim;
        a.limit[r] = (uint32_t)(span->position + token + 1);
        if (relation) a.relation[r] = relation + row * pass->padded;
        a.table[r] = table_of(job, row, h, a.scale, made[r]);
        if (sparse && !a.table[r]) a.table[r] = hidden;
        if (by_position) a.own[r] = eng_sparse_blocks(pass, row);
    }
    if (sparse || by_position)
        a.blocks = eng_sparse_union(pass, span->first + first, tokens, thread);
    eng_attend_cached(model->kernels, eng_cache_format(model->cache), &a,
                      pass->attending + (size_t)thread * pass->attend_bytes);
}

/* Tokens of one attention task. */
static size_t task_tokens(const struct eng_model *model)
{
    return ENG_ATTEND_ROWS / (model->info.heads / model->info.kv_heads);
}

static void attend_task(const void *data, size_t task, int thread)
{
    const struct job *job = data;
    size_t kv_heads = job->pass->model->info.kv_heads, of_task = task_tokens(job->pass->model);
    size_t number = 0;
    while (task >= job->first_task[number + 1])
        number++;
    const struct eng_span *span = &job->pass->span[number];
    task -= job->first_task[number];
    size_t first = task / kv_heads * of_task, left = span->rows - first;
    attend(job, span, (uint32_t)(task % kv_heads), first, left < of_task ? left : of_task, thread);
}

void eng_attend(struct eng_pass *pass, uint32_t layer)
{
    const struct eng_model *model = pass->model;
    struct job job = {.pass = pass, .layer = &model->layers[layer], .number = layer};
    size_t of_task = task_tokens(model);
    for (size_t i = 0; i < pass->n_spans; i++)
        job.first_task[i + 1] =
            job.first_task[i] + (pass->span[i].rows + of_task - 1) / of_task * model->info.kv_heads;
    eng_pool_run(model->pool, prepare_task, &job, (pass->rows + TASK_ROWS - 1) / TASK_ROWS);
    if (eng_cache_bounds(model->cache) > 0)
        eng_pool_run(model->pool, bound_task, &job, (pass->rows + TASK_ROWS - 1) / TASK_ROWS);
    eng_pool_run(model->pool, attend_task, &job, job.first_task[pass->n_spans]);
}
