/* Sparse attention: which tokens a token sees in a sparse layer. What is not seen gets a relation
 * of its own, whose term leaves nothing of it; attend.c goes over the blocks alone that some query
 * of those it takes together looks at. A policy of attention chooses whole blocks in all layers,
 * and needs no relations for it.
 */
#include "engine/sparse.h"
#include "engine/error.h"
#include "engine/policy.h"
#include "engine/reader.h"

#include <string.h>

/* Relations as attention.c numbers them. */
enum { ANCESTOR_FIRST = 1, ANCESTOR_LAST = 8, SIBLING = 10 };

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
    return eng_read_count(in, "attention.sparse_layers", ENG_REQUIRED, 1, UINT32_MAX,
                          &sparse->layers);
}

bool eng_sparse_layer(const struct eng_model *model, uint32_t layer)
{
    const struct eng_sparse *sparse = &model->sparse;
    return sparse->window > 0 && layer < 32 && sparse->layers >> layer & 1;
}

/* ---- Choice ------------------------------------------------------------------------- */

static uint64_t *blocks_of(const struct eng_pass *pass, size_t row)
{
    size_t words = ENG_BLOCK_WORDS(pass->padded / ENG_KEY_LANES);
    uint64_t *blocks = pass->chosen_blocks + row * words;
    memset(blocks, 0, words * sizeof *blocks);
    return blocks;
}

static void choose_by_policy(const void *job, size_t row, int thread)
{
    (void)thread;
    const struct eng_pass *pass = job;
    const struct eng_span *span = eng_span_of(pass, row);
    eng_policy_choose(&pass->model->policy, span->position + row - span->first,
                      blocks_of(pass, row));
}

static void choose_by_tree(const void *job, size_t row, int thread)
{
    (void)thread;
    const struct eng_pass *pass = job;
    const struct eng_sparse *sparse = &pass->model->sparse;
    const struct eng_span *span = eng_span_of(pass, row);
    size_t i = span->position + row - span->first;
    const uint8_t *relation = pass->relation + row * pass->padded;
    uint8_t *chosen = pass->chosen + row * pass->padded;
    uint64_t *blocks = blocks_of(pass, row);
    size_t end = (i / ENG_KEY_LANES + 1) * ENG_KEY_LANES;

    for (size_t j = 0; j < end; j++) {
        uint8_t r = relation[j];
        bool seen = j <= i && (i - j < sparse->window || j < sparse->header || r == SIBLING ||
                               (r >= ANCESTOR_FIRST && r <= ANCESTOR_LAST));
        chosen[j] = seen ? r : ENG_HIDDEN;
        if (seen) blocks[j / ENG_KEY_LANES / 64] |= (uint64_t)1 << (j / ENG_KEY_LANES % 64);
    }
}

void eng_sparse_choose(struct eng_pass *pass)
{
    if (pass->model->sparse.window > 0)
        eng_pool_run(pass->model->pool, choose_by_tree, pass, pass->rows);
    else if (eng_policy_by_position(pass->model))
        eng_pool_run(pass->model->pool, choose_by_policy, pass, pass->rows);
}

const uint64_t *eng_sparse_union(const struct eng_pass *pass, size_t first_row, size_t rows,
                                 int thread)
{
    size_t words = ENG_BLOCK_WORDS(pass->padded / ENG_KEY_LANES);
    uint64_t *all = pass->all_blocks + (size_t)thread * words;
    memset(all, 0, words * sizeof *all);
    for (size_t r = first_row; r < first_row + rows; r++)
        for (size_t w = 0; w < words; w++)
            all[w] |= pass->chosen_blocks[r * words + w];
    return all;
}
