/* The scratch of a forward pass: one block, laid out anew when a session needs longer rows of
 * relations than any before it. Nothing of it outlives a pass, so growing keeps nothing.
 */
#include "engine/pass.h"
#include "engine/attend.h"
#include "engine/cache.h"
#include "engine/error.h"
#include "engine/layout.h"
#include "engine/policy.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The longest input row of any product. */
static size_t widest_row(const struct eng_model *model)
{
    const struct eng_model_info *info = &model->info;
    size_t widest = (size_t)info->heads * info->head_dim;
    size_t grams = (size_t)model->ngram.count * model->ngram.length;
    if (grams > widest) widest = grams;
    if (info->d_model > widest) widest = info->d_model;
    if (info->d_ff > widest) widest = info->d_ff;
    return widest;
}

static void lay_out(struct eng_pass *p, struct eng_layout *l)
{
    const struct eng_model *model = p->model;
    const struct eng_model_info *info = &model->info;
    size_t dim = info->head_dim, q_dim = info->heads * dim, kv_dim = info->kv_heads * dim;
    size_t threads = (size_t)eng_pool_threads(model->pool), widest = p->widest;
    size_t sparse = model->sparse.window > 0, words = ENG_BLOCK_WORDS(p->padded / ENG_KEY_LANES);
    size_t by_blocks = sparse || eng_policy_by_position(model);
    size_t structure = info->structure != ENG_STRUCTURE_NONE || sparse;
    size_t additive_key = info->structure == ENG_STRUCTURE_ADDITIVE_KEY;
    size_t blas = model->blas != NULL;

    p->cosine = eng_place(l, p->padded, model->rope_dim / 2, 1, sizeof *p->cosine);
    p->sine = eng_place(l, p->padded, model->rope_dim / 2, 1, sizeof *p->sine);
    p->x = eng_place(l, p->chunk, info->d_model, 1, sizeof *p->x);
    p->h = eng_place(l, p->chunk, info->d_model, 1, sizeof *p->h);
    p->q = eng_place(l, p->chunk, q_dim, 1, sizeof *p->q);
    p->q_plain = eng_place(l, p->chunk * additive_key, q_dim, 1, sizeof *p->q_plain);
    p->k = eng_place(l, p->chunk, kv_dim, 1, sizeof *p->k);
    p->v = eng_place(l, p->chunk, kv_dim, 1, sizeof *p->v);
    p->mixed = eng_place(l, p->chunk, q_dim, 1, sizeof *p->mixed);
    p->up = eng_place(l, p->chunk, info->d_ff, 1, sizeof *p->up);
    p->gate = eng_place(l, p->chunk, info->d_ff, model->activation == ENG_SWIGLU, sizeof *p->gate);
    p->grams = eng_place(l, p->chunk, model->ngram.count, model->ngram.length, sizeof *p->grams);
    p->relation = eng_place(l, p->chunk * structure, p->padded, 1, sizeof *p->relation);
    p->chosen = eng_place(l, p->chunk * sparse, p->padded, 1, sizeof *p->chosen);
    p->chosen_blocks = eng_place(l, p->chunk * by_blocks, words, 1, sizeof *p->chosen_blocks);
    p->quantized.q = eng_place(l, p->chunk, widest, 1, sizeof *p->quantized.q);
    p->quantized.scale =
        eng_place(l, p->chunk, widest / ENG_Q8_VALUES, 1, sizeof *p->quantized.scale);
    p->quantized.bias =
        eng_place(l, p->chunk, widest / ENG_Q8_VALUES, 1, sizeof *p->quantized.bias);
    p->quantized.half =
        eng_place(l, p->chunk, widest / ENG_Q8_VALUES, 1, sizeof *p->quantized.half);
    p->rounded = eng_place(l, p->chunk * p->has_tiles, widest, 1, sizeof *p->rounded);
    p->rounded_next = eng_place(l, p->chunk * p->has_tiles, widest, 1, sizeof *p->rounded_next);
    p->logits = eng_place(l, ENG_LOGIT_ROWS, info->vocab, 1, sizeof *p->logits);

    p->panels = eng_place(l, threads * p->has_tiles, ENG_PANEL_OUTPUTS, widest, sizeof *p->panels);
    p->fed = eng_place(l, threads * p->has_tiles, ENG_FED_ROWS, ENG_PANEL_OUTPUTS, sizeof *p->fed);
    p->attending = eng_place(l, threads, p->attend_bytes, 1, 1);
    p->all_blocks = eng_place(l, threads * by_blocks, words, 1, sizeof *p->all_blocks);
    p->panel = eng_place(l, threads * blas, ENG_PANEL, widest, sizeof *p->panel);
    p->tile = eng_place(l, threads * blas, ENG_TILE, ENG_PANEL, sizeof *p->tile);
    p->edges = eng_place(l, 2 * blas, ENG_TILE, widest, sizeof *p->edges);
}

static void fill_rotations(struct eng_pass *p)
{
    size_t half = p->model->rope_dim / 2;
    for (size_t at = 0; at < p->padded; at++) {
        for (size_t i = 0; i < half; i++) {
            double angle = (double)at * p->model->rope_frequency[i];
            p->cosine[at * half + i] = (float)cos(angle);
            p->sine[at * half + i] = (float)sin(angle);
        }
    }
}

enum eng_status eng_pass_new(const struct eng_model *model, struct eng_pass **out,
                             struct eng_error *err)
{
    struct eng_pass *p = *out = calloc(1, sizeof *p);
    if (!p) return eng_fail(err, ENG_NO_MEMORY, "out of memory for a forward pass");
    p->model = model;
    p->widest = widest_row(model);
    p->has_tiles = model->kernels->tile_product && !model->blas;
    p->chunk = p->has_tiles ? ENG_CHUNK_TILES : ENG_CHUNK;
    p->attend_bytes =
        eng_attend_scratch(model->kernels, eng_cache_format(model->cache), model->info.head_dim);
    p->attend_bytes = (p->attend_bytes + 63) / 64 * 64;
    p->counts = calloc((size_t)eng_pool_threads(model->pool), sizeof *p->counts);
    if (p->counts) return ENG_OK;
    free(p);
    *out = NULL;
    return eng_fail(err, ENG_NO_MEMORY, "out of memory for a forward pass");
}

void eng_pass_free(struct eng_pass *pass)
{
    if (!pass) return;
    free(pass->counts);
    free(pass->block);
    free(pass);
}

/* The pool is held. */
static enum eng_status grow(struct eng_pass *p, uint32_t padded, struct eng_error *err)
{
    struct eng_pass larger = *p;
    struct eng_layout layout = {.base = NULL};
    larger.padded = padded;
    lay_out(&larger, &layout);
    if (layout.overflow || posix_memalign(&larger.block, 64, layout.used) != 0)
        return eng_fail(err, ENG_NO_MEMORY,
                        "out of memory for evaluating sequences of %" PRIu32 " tokens", padded);
    memset(larger.block, 0, layout.used);
    larger.bytes = layout.used;
    layout = (struct eng_layout){.base = larger.block};
    lay_out(&larger, &layout);
    fill_rotations(&larger);
    free(p->block);
    *p = larger;
    return ENG_OK;
}

enum eng_status eng_pass_fit(const struct eng_model *model, uint32_t capacity,
                             struct eng_error *err)
{
    uint32_t padded = (uint32_t)(eng_pages_of(capacity) * ENG_CACHE_PAGE);
    enum eng_status status = ENG_OK;
    eng_pool_enter(model->pool); /* growing writes all of the pass */
    if (padded > model->pass->padded) status = grow(model->pass, padded, err);
    eng_pool_leave(model->pool);
    return status;
}

void eng_model_attended(const struct eng_model *model, struct eng_attended *out)
{
    *out = (struct eng_attended){0};
    if (!model->pass) return;
    eng_pool_enter(model->pool);
    for (int i = 0; i < eng_pool_threads(model->pool); i++) {
        out->pairs += model->pass->counts[i].pairs;
        out->seen += model->pass->counts[i].seen;
        out->computed += model->pass->counts[i].computed;
    }
    eng_pool_leave(model->pool);
}
