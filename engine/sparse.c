/* Sparse attention: which tokens a token sees in a sparse layer, and attention over those.
 *
 * Queries are taken up to ENG_QUERY_ROWS at a time, as in dense attention, so that a key is loaded
 * once for all of them: scores are computed for the union of the blocks that they see. The softmax
 * then runs over each query's own blocks, moved together, because the order in which it sums must
 * not depend on the company; and values are mixed over the union again, with weights of zero where
 * a query does not look, which changes no bit.
 */
#include "engine/sparse.h"
#include "engine/error.h"
#include "engine/reader.h"

#include <string.h>

/* Relations as attention.c numbers them. */
enum { ANCESTOR_FIRST = 1, ANCESTOR_LAST = 8, SIBLING = 10 };

/* Positions whose values are mixed in one go: they stay in the first-level cache. */
#define PIECE 64u

enum eng_status eng_sparse_read_keys(const struct eng_reader *in)
{
    struct eng_sparse *sparse = &in->model->sparse;
    enum eng_structure structure = in->model->info.structure;
    uint32_t most = in->model->info.context;
    char key[128];
    eng_reader_key(in, "attention.window", key);
    if (!eng_gguf_find_key(in->gguf, key)) return ENG_OK;
    enum eng_status status =
        eng_read_count(in, "attention.window", ENG_REQUIRED, 0, most, &sparse->window);
    if (status != ENG_OK || sparse->window == 0) return status;
    if (strcmp(in->architecture, "espalier") != 0)
        return eng_fail(in->err, ENG_UNSUPPORTED, "%s: only architecture espalier has it", key);
    if (structure != ENG_STRUCTURE_NONE && structure != ENG_STRUCTURE_ADDITIVE)
        return eng_fail(in->err, ENG_UNSUPPORTED,
                        "%s with a structure of attention other than none or additive", key);
    status = eng_read_count(in, "attention.header", ENG_REQUIRED, 0, most, &sparse->header);
    if (status != ENG_OK) return status;
    return eng_read_count(in, "attention.dense_interval", ENG_REQUIRED, 1, 512,
                          &sparse->dense_interval);
}

bool eng_sparse_layer(const struct eng_model *model, uint32_t layer)
{
    const struct eng_sparse *sparse = &model->sparse;
    return sparse->window > 0 && layer % sparse->dense_interval != sparse->dense_interval - 1;
}

/* ---- Choice ------------------------------------------------------------------------- */

struct choice {
    struct eng_session *session;
    size_t position;
};

static void choose_task(const void *job, size_t row, int thread)
{
    (void)thread;
    const struct choice *c = job;
    const struct eng_session *session = c->session;
    const struct eng_sparse *sparse = &session->model->sparse;
    size_t i = c->position + row, words = ENG_BLOCK_WORDS(session->key_blocks);
    const uint8_t *relation = session->relation + row * session->padded;
    uint8_t *chosen = session->chosen + row * session->padded;
    uint64_t *blocks = session->chosen_blocks + row * words;
    size_t end = (i / ENG_KEY_LANES + 1) * ENG_KEY_LANES;

    memset(blocks, 0, words * sizeof *blocks);
    for (size_t j = 0; j < end; j++) {
        uint8_t r = relation[j];
        bool seen = j <= i && (i - j < sparse->window || j < sparse->header || r == SIBLING ||
                               (r >= ANCESTOR_FIRST && r <= ANCESTOR_LAST));
        chosen[j] = seen ? r : ENG_HIDDEN;
        if (seen) blocks[j / ENG_KEY_LANES / 64] |= (uint64_t)1 << (j / ENG_KEY_LANES % 64);
    }
}

void eng_sparse_choose(struct eng_session *session, size_t position, size_t rows)
{
    struct choice choice = {session, position};
    if (session->model->sparse.window == 0) return;
    eng_pool_run(session->model->pool, choose_task, &choice, rows);
}

/* ---- Attention ---------------------------------------------------------------------- */

static bool has(const uint64_t *blocks, size_t block)
{
    return blocks[block / 64] >> (block % 64) & 1;
}

static size_t runs_of(const uint64_t *blocks, size_t n_blocks, struct eng_block_run *out)
{
    size_t n = 0, at = 0;
    for (size_t b = 0; b < n_blocks; b++) {
        if (b % 64 == 0 && blocks[b / 64] == 0) {
            b += 63;
            continue;
        }
        if (!has(blocks, b)) continue;
        if (n > 0 && out[n - 1].block + out[n - 1].count == b)
            out[n - 1].count++;
        else
            out[n++] = (struct eng_block_run){(uint32_t)b, 1, (uint32_t)at};
        at++;
    }
    return n;
}

const uint64_t *eng_sparse_union(const struct eng_session *session, size_t first_row, size_t rows,
                                 int thread)
{
    size_t words = ENG_BLOCK_WORDS(session->key_blocks);
    uint64_t *all = session->all_blocks + (size_t)thread * words;
    memset(all, 0, words * sizeof *all);
    for (size_t r = first_row; r < first_row + rows; r++)
        for (size_t w = 0; w < words; w++)
            all[w] |= session->chosen_blocks[r * words + w];
    return all;
}

/* The softmax of one query over its own blocks; weights [union] in and out, 0 where it does not
 * look. own [padded] and relation [padded] are scratch. Returns the sum of the weights. */
static float weigh(const struct eng_session *session, size_t row, const struct eng_block_run *runs,
                   size_t n_runs, const float *table, float scale, float *weights, float *own,
                   uint8_t *relation)
{
    static const float none[ENG_TABLE] = {[ENG_HIDDEN] = ENG_HIDDEN_TERM};
    const uint64_t *blocks = session->chosen_blocks + row * ENG_BLOCK_WORDS(session->key_blocks);
    const uint8_t *chosen = session->chosen + row * session->padded;
    const size_t bytes = ENG_KEY_LANES * sizeof *own;
    size_t n = 0;

    for (size_t k = 0; k < n_runs; k++)
        for (size_t b = 0; b < runs[k].count; b++) {
            size_t block = runs[k].block + b;
            if (!has(blocks, block)) continue;
            memcpy(own + n, weights + (runs[k].at + b) * ENG_KEY_LANES, bytes);
            memcpy(relation + n, chosen + block * ENG_KEY_LANES, ENG_KEY_LANES);
            n += ENG_KEY_LANES;
        }
    float sum = session->model->kernels->softmax(own, n, scale, ENG_TERM_ADD, relation,
                                                 table ? table : none);
    n = 0;
    for (size_t k = 0; k < n_runs; k++)
        for (size_t b = 0; b < runs[k].count; b++) {
            float *to = weights + (runs[k].at + b) * ENG_KEY_LANES;
            if (has(blocks, runs[k].block + b)) {
                memcpy(to, own + n, bytes);
                n += ENG_KEY_LANES;
            } else {
                memset(to, 0, bytes);
            }
        }
    return sum;
}

void eng_sparse_attend(const struct eng_session *session, struct eng_sparse_queries *queries,
                       const float *keys, const float *values, float scale, int thread)
{
    const struct eng_model *model = session->model;
    size_t dim = model->info.head_dim, rows = queries->rows;
    float *scratch = session->scores + (size_t)thread * ENG_QUERY_ROWS * session->padded;
    float *own = session->own_scores + (size_t)thread * session->padded;
    uint8_t *relation = session->own_relation + (size_t)thread * session->padded;
    struct eng_block_run *runs = session->runs + (size_t)thread * session->key_blocks;
    size_t n_runs =
        runs_of(eng_sparse_union(session, queries->first_row, rows / queries->heads, thread),
                session->key_blocks, runs);

    float *weights[ENG_QUERY_ROWS], *part[ENG_QUERY_ROWS];
    const float *seen[ENG_QUERY_ROWS];
    float sums[ENG_QUERY_ROWS];
    for (size_t r = 0; r < rows; r++)
        weights[r] = scratch + r * session->padded;
    for (size_t k = 0; k < n_runs; k++) {
        for (size_t r = 0; r < rows; r++)
            part[r] = weights[r] + runs[k].at * ENG_KEY_LANES;
        model->kernels->scores(queries->q, rows, dim,
                               keys + (size_t)runs[k].block * dim * ENG_KEY_LANES, runs[k].count,
                               part);
    }
    for (size_t r = 0; r < rows; r++)
        sums[r] = weigh(session, queries->first_row + r / queries->heads, runs, n_runs,
                        queries->table[r], scale, weights[r], own, relation);
    for (size_t k = 0; k < n_runs; k++)
        for (size_t p = 0; p < runs[k].count * ENG_KEY_LANES; p += PIECE) {
            size_t left = runs[k].count * ENG_KEY_LANES - p;
            for (size_t r = 0; r < rows; r++)
                seen[r] = weights[r] + runs[k].at * ENG_KEY_LANES + p;
            model->kernels->values(seen, rows, dim,
                                   values + (runs[k].block * ENG_KEY_LANES + p) * dim, 0,
                                   left < PIECE ? left : PIECE, queries->mixed);
        }
    for (size_t r = 0; r < rows; r++) {
        float factor = sums[r] > 0 ? 1.0f / sums[r] : 0;
        for (size_t d = 0; d < dim; d++)
            queries->mixed[r][d] *= factor;
    }
}
