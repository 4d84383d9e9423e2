/* Attention of one layer over the cache, with the structure terms.
 *
 * The parent mask is never stored: for the tokens of a chunk, one byte per cached token
 * says which relation holds (eng_relate, once a chunk and not once a layer), computed from
 * the records by the rule below, and attention looks the byte up in a table of 12 numbers
 * a head. How keys and values are kept and gone over is attend.c's business.
 *
 * A token's result depends on the cache up to itself alone.
 */
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

struct chunk {
    struct eng_session *session;
    const struct eng_layer *layer;
    uint32_t number; /* of the layer */
    size_t position, rows;
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

static void relate_task(const void *job, size_t task, int thread)
{
    (void)thread;
    const struct chunk *c = job;
    relate_one(c->session, c->position + task, c->session->relation + task * c->session->padded);
}

void eng_relate(struct eng_session *session, size_t position, size_t rows)
{
    struct chunk chunk = {.session = session, .position = position, .rows = rows};
    if (!session->relation) return;
    eng_pool_run(session->model->pool, relate_task, &chunk, rows);
    eng_sparse_choose(session, position, rows);
}

/* ---- Queries, keys and values ------------------------------------------------------ */

static void rotate(const struct eng_session *session, float *head, size_t position)
{
    const struct eng_model *model = session->model;
    size_t half = model->rope_dim / 2;
    const float *cosine = session->cosine + position * half; /* [half] */
    const float *sine = session->sine + position * half;

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
static void rotate_in_tree(const struct chunk *c, float *head, size_t kv_head,
                           const struct eng_record *record)
{
    const struct eng_model *model = c->session->model;
    size_t half = model->info.head_dim / 2;
    const size_t places[2] = {record->depth, record->sibling};
    for (size_t i = 0; i < 2 && c->layer->turns; i++) {
        size_t step = places[i] < ENG_TREE_STEPS ? places[i] : ENG_TREE_STEPS - 1;
        const float *turn = /* [2, half] */
            c->layer->turns + ((kv_head * 2 + i) * ENG_TREE_STEPS + step) * 2 * half;
        model->kernels->rope_halves(head, turn, turn + half, half);
    }
}

static void store_key_value(const struct chunk *c, size_t row, size_t kv_head)
{
    const struct eng_session *session = c->session;
    const struct eng_model_info *info = &session->model->info;
    size_t dim = info->head_dim, position = c->position + row;
    size_t head = (size_t)c->number * info->kv_heads + kv_head;
    const float *k = session->k + (row * info->kv_heads + kv_head) * dim; /* [dim] */
    const float *v = session->v + (row * info->kv_heads + kv_head) * dim;
    eng_cache_store(session->model->kernels, session->cache,
                    session->keys + head * session->head_bytes,
                    session->values + head * session->head_bytes, position, dim, k, v);
}

static void prepare_row(const struct chunk *c, size_t row)
{
    const struct eng_session *session = c->session;
    const struct eng_model *model = session->model;
    const struct eng_model_info *info = &model->info;
    size_t dim = info->head_dim, q_dim = info->heads * dim;
    float *q = session->q + row * q_dim;                /* [heads, dim] */
    float *k = session->k + row * info->kv_heads * dim; /* [kv_heads, dim] */

    for (size_t h = 0; h < info->heads && c->layer->q_norm; h++)
        model->kernels->rmsnorm(q + h * dim, c->layer->q_norm, dim, model->norm_epsilon,
                                q + h * dim);
    if (session->q_plain) memcpy(session->q_plain + row * q_dim, q, q_dim * sizeof *q);
    const struct eng_record *record = &session->inputs[c->position + row].record;
    for (size_t h = 0; h < info->heads; h++) {
        rotate(session, q + h * dim, c->position + row);
        rotate_in_tree(c, q + h * dim, h / (info->heads / info->kv_heads), record);
    }

    for (size_t h = 0; h < info->kv_heads; h++) {
        if (c->layer->k_norm)
            model->kernels->rmsnorm(k + h * dim, c->layer->k_norm, dim, model->norm_epsilon,
                                    k + h * dim);
        rotate(session, k + h * dim, c->position + row);
        rotate_in_tree(c, k + h * dim, h, record);
        store_key_value(c, row, h);
    }
}

static void prepare_task(const void *job, size_t task, int thread)
{
    (void)thread;
    const struct chunk *c = job;
    for (size_t row = task * TASK_ROWS; row < c->rows && row < (task + 1) * TASK_ROWS; row++)
        prepare_row(c, row);
}

/* ---- Attention --------------------------------------------------------------------- */

/* The table of one query row: a head's own, or for ADDITIVE_KEY the products of the query
 * with the head's vectors, scaled like scores. */
static const float *table_of(const struct chunk *c, size_t row, size_t head, float scale,
                             float made[ENG_TABLE])
{
    const struct eng_model *model = c->session->model;
    const struct eng_model_info *info = &model->info;
    size_t dim = info->head_dim;

    if (info->structure != ENG_STRUCTURE_ADDITIVE_KEY)
        return c->layer->structure ? c->layer->structure + head * ENG_TABLE : NULL;
    const float *vectors = c->layer->structure + head * ENG_RELATIONS * dim; /* [12, dim] */
    const float *q = c->session->q_plain + (row * info->heads + head) * dim;
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

/* Attention of tokens [first_row, first_row + tokens) for the heads that share a key-value head;
 * tokens * heads is at most ENG_ATTEND_ROWS. */
static void attend(const struct chunk *c, size_t kv_head, size_t first_row, size_t tokens,
                   int thread)
{
    static const float hidden[ENG_TABLE] = {[ENG_HIDDEN] = ENG_HIDDEN_TERM};
    const struct eng_session *session = c->session;
    const struct eng_model_info *info = &session->model->info;
    size_t dim = info->head_dim, heads = info->heads / info->kv_heads;
    size_t head = (size_t)c->number * info->kv_heads + kv_head;
    bool sparse = eng_sparse_layer(session->model, c->number);
    const uint8_t *relation = sparse ? session->chosen : session->relation;
    float made[ENG_ATTEND_ROWS][ENG_TABLE];
    struct eng_attention a = {.rows = tokens * heads,
                              .dim = dim,
                              .term = sparse ? ENG_TERM_ADD : term_of(info->structure),
                              .scale = 1.0f / sqrtf((float)dim),
                              .keys = session->keys + head * session->head_bytes,
                              .values = session->values + head * session->head_bytes};
    for (size_t r = 0; r < a.rows; r++) {
        size_t row = first_row + r / heads, h = kv_head * heads + r % heads;
        a.q[r] = session->q + (row * info->heads + h) * dim;
        a.out[r] = session->mixed + (row * info->heads + h) * dim;
        a.limit[r] = (uint32_t)(c->position + row + 1);
        if (relation) a.relation[r] = relation + row * session->padded;
        a.table[r] = table_of(c, row, h, a.scale, made[r]);
        if (sparse && !a.table[r]) a.table[r] = hidden;
    }
    if (sparse) a.blocks = eng_sparse_union(session, first_row, tokens, thread);
    eng_attend_cached(session->model->kernels, session->cache, &a,
                      session->attending + (size_t)thread * session->attend_bytes);
}

/* Tokens of one attention task. */
static size_t task_tokens(const struct eng_session *session)
{
    const struct eng_model_info *info = &session->model->info;
    return ENG_ATTEND_ROWS / (info->heads / info->kv_heads);
}

static void attend_task(const void *job, size_t task, int thread)
{
    const struct chunk *c = job;
    size_t kv_heads = c->session->model->info.kv_heads, of_task = task_tokens(c->session);
    size_t first_row = task / kv_heads * of_task, left = c->rows - first_row;
    attend(c, task % kv_heads, first_row, left < of_task ? left : of_task, thread);
}

void eng_attend(struct eng_session *session, uint32_t layer, size_t position, size_t rows)
{
    const struct eng_model *model = session->model;
    struct chunk chunk = {.session = session,
                          .layer = &model->layers[layer],
                          .number = layer,
                          .position = position,
                          .rows = rows};
    eng_pool_run(model->pool, prepare_task, &chunk, (rows + TASK_ROWS - 1) / TASK_ROWS);
    size_t of_task = task_tokens(session);
    eng_pool_run(model->pool, attend_task, &chunk,
                 (rows + of_task - 1) / of_task * model->info.kv_heads);
}
