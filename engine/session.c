/* Sessions: what is cached, what of it can be kept, and what has to be evaluated.
 *
 * A session is one block of memory, laid out at creation and never grown: sync, append and
 * rewind do not allocate. It keeps the inputs beside the cache, so that the caller only
 * states what the sequence should be. A token counts as cached once its keys and values
 * are written in every layer; everything at and past `length` is scratch. The logits of the
 * last sync are kept beside those at hand: who decodes several texts from one prompt comes back
 * to it without evaluating anything.
 *
 * Deliberately absent: paging, sharing of prefixes between sessions, batches of several
 * sequences. An editor has one sequence.
 */
#include "engine/session.h"
#include "engine/error.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct eng_record) == 4 * ENG_LEVELS + 4, "records compare as bytes");

/* ---- Memory ------------------------------------------------------------------------ */

/* Lays arrays out one after the other, first to learn the size, then to place them. */
struct layout {
    uint8_t *base; /* NULL while measuring */
    size_t used;
    bool overflow;
};

static void *place(struct layout *l, size_t a, size_t b, size_t c, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(a, b, &bytes) || __builtin_mul_overflow(bytes, c, &bytes) ||
        __builtin_mul_overflow(bytes, size, &bytes) || bytes > SIZE_MAX / 4 - l->used) {
        l->overflow = true;
        return NULL;
    }
    void *at = l->base && bytes > 0 ? l->base + l->used : NULL;
    l->used += (bytes + 63) / 64 * 64;
    return at;
}

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

static void lay_out(struct eng_session *s, struct layout *l)
{
    const struct eng_model *model = s->model;
    const struct eng_model_info *info = &model->info;
    size_t kv_heads = (size_t)info->layers * info->kv_heads, dim = info->head_dim;
    size_t q_dim = info->heads * dim, kv_dim = info->kv_heads * dim;
    size_t threads = (size_t)eng_pool_threads(model->pool), widest = s->widest;
    size_t sparse = model->sparse.window > 0, words = ENG_BLOCK_WORDS(s->key_blocks);
    size_t structure = info->structure != ENG_STRUCTURE_NONE || sparse;
    size_t additive_key = info->structure == ENG_STRUCTURE_ADDITIVE_KEY;
    size_t blas = model->blas != NULL;

    s->inputs = place(l, s->capacity, 1, 1, sizeof *s->inputs);
    s->group = place(l, s->padded, 1, 1, sizeof *s->group);
    s->innermost = place(l, s->padded, 1, 1, sizeof *s->innermost);
    s->keys = place(l, kv_heads, s->head_bytes, 1, 1);
    s->values = place(l, kv_heads, s->head_bytes, 1, 1);
    s->cosine = place(l, s->capacity, model->rope_dim / 2, 1, sizeof *s->cosine);
    s->sine = place(l, s->capacity, model->rope_dim / 2, 1, sizeof *s->sine);

    s->x = place(l, s->chunk, info->d_model, 1, sizeof *s->x);
    s->h = place(l, s->chunk, info->d_model, 1, sizeof *s->h);
    s->q = place(l, s->chunk, q_dim, 1, sizeof *s->q);
    s->q_plain = place(l, s->chunk * additive_key, q_dim, 1, sizeof *s->q_plain);
    s->k = place(l, s->chunk, kv_dim, 1, sizeof *s->k);
    s->v = place(l, s->chunk, kv_dim, 1, sizeof *s->v);
    s->mixed = place(l, s->chunk, q_dim, 1, sizeof *s->mixed);
    s->up = place(l, s->chunk, info->d_ff, 1, sizeof *s->up);
    s->gate = place(l, s->chunk, info->d_ff, model->activation == ENG_SWIGLU, sizeof *s->gate);
    s->grams = place(l, s->chunk, model->ngram.count, model->ngram.length, sizeof *s->grams);
    s->relation = place(l, s->chunk * structure, s->padded, 1, sizeof *s->relation);
    s->chosen = place(l, s->chunk * sparse, s->padded, 1, sizeof *s->chosen);
    s->chosen_blocks = place(l, s->chunk * sparse, words, 1, sizeof *s->chosen_blocks);
    s->quantized.q = place(l, s->chunk, widest, 1, sizeof *s->quantized.q);
    s->quantized.scale = place(l, s->chunk, widest / ENG_Q8_VALUES, 1, sizeof *s->quantized.scale);
    s->quantized.bias = place(l, s->chunk, widest / ENG_Q8_VALUES, 1, sizeof *s->quantized.bias);
    s->quantized.half = place(l, s->chunk, widest / ENG_Q8_VALUES, 1, sizeof *s->quantized.half);

    s->rounded = place(l, s->chunk * s->has_tiles, widest, 1, sizeof *s->rounded);

    s->panels = place(l, threads * s->has_tiles, ENG_PANEL_OUTPUTS, widest, sizeof *s->panels);
    s->attending = place(l, threads, s->attend_bytes, 1, 1);
    s->all_blocks = place(l, threads * sparse, words, 1, sizeof *s->all_blocks);
    s->panel = place(l, threads * blas, ENG_PANEL, widest, sizeof *s->panel);
    s->tile = place(l, threads * blas, ENG_TILE, ENG_PANEL, sizeof *s->tile);
    s->edges = place(l, 2 * blas, ENG_TILE, widest, sizeof *s->edges);
    s->logits = place(l, info->vocab, 1, 1, sizeof *s->logits);
    s->kept_logits = place(l, info->vocab, 1, 1, sizeof *s->kept_logits);
}

static void fill_rotations(struct eng_session *s)
{
    size_t half = s->model->rope_dim / 2;
    for (size_t p = 0; p < s->capacity; p++) {
        for (size_t i = 0; i < half; i++) {
            double angle = (double)p * s->model->rope_frequency[i];
            s->cosine[p * half + i] = (float)cos(angle);
            s->sine[p * half + i] = (float)sin(angle);
        }
    }
}

enum eng_status eng_session_new(const struct eng_model *model, uint32_t capacity,
                                struct eng_session **out, struct eng_error *err)
{
    *out = NULL;
    if (!model->layers)
        return eng_fail(err, ENG_UNSUPPORTED, "%s holds a vocabulary and no weights",
                        model->info.name);
    if (capacity == 0) capacity = model->info.context;
    if (capacity > model->info.context)
        return eng_fail(err, ENG_BAD_INPUT,
                        "session of %" PRIu32 " tokens, the model's context is %" PRIu32, capacity,
                        model->info.context);
    struct eng_session *s = calloc(1, sizeof *s);
    if (!s) return eng_fail(err, ENG_NO_MEMORY, "out of memory for a session");
    s->model = model;
    s->capacity = capacity;
    s->padded = (capacity + ENG_CACHE_UNIT - 1) / ENG_CACHE_UNIT * ENG_CACHE_UNIT;
    s->key_blocks = s->padded / ENG_KEY_LANES;
    /* Who stores weights in fp32 or halves wants more than a cache of halves keeps. */
    s->cache = model->packed ? ENG_CACHE_F16 : ENG_CACHE_F32;
    if (model->packed && model->kernels->attend) s->cache = ENG_CACHE_OF_SET;
    s->head_bytes = eng_cache_bytes(model->kernels, s->cache, s->padded, model->info.head_dim);
    s->attend_bytes = eng_attend_scratch(model->kernels, s->cache, model->info.head_dim);
    s->attend_bytes = (s->attend_bytes + 63) / 64 * 64;
    s->widest = widest_row(model);
    s->has_tiles = model->kernels->tile_product && !model->blas;
    s->chunk = s->has_tiles ? ENG_CHUNK_TILES : ENG_CHUNK;

    struct layout layout = {.base = NULL};
    lay_out(s, &layout);
    if (layout.overflow || posix_memalign(&s->block, 64, layout.used) != 0) {
        free(s);
        return eng_fail(err, ENG_NO_MEMORY, "out of memory for a session of %" PRIu32 " tokens",
                        capacity);
    }
    s->bytes = sizeof *s + layout.used;
    memset(s->block, 0, layout.used); /* scores read whole blocks of keys */
    layout = (struct layout){.base = s->block};
    lay_out(s, &layout);
    fill_rotations(s);
    *out = s;
    return ENG_OK;
}

void eng_session_free(struct eng_session *session)
{
    if (!session) return;
    free(session->block);
    free(session);
}

size_t eng_session_bytes(const struct eng_session *session)
{
    return session->bytes;
}

size_t eng_session_length(const struct eng_session *session)
{
    return session->length;
}

const float *eng_session_logits(const struct eng_session *session)
{
    return session->has_logits ? session->logits : NULL;
}

/* ---- Inputs ------------------------------------------------------------------------ */

static bool uses_records(const struct eng_session *s)
{
    return s->model->info.structure != ENG_STRUCTURE_NONE || s->model->tree_positions ||
           s->model->sparse.window > 0;
}

static enum eng_status check_input(const struct eng_session *s, const struct eng_input *input,
                                   size_t position, struct eng_error *err)
{
    if (input->id < 0 || (uint32_t)input->id >= s->model->info.vocab)
        return eng_fail(err, ENG_BAD_INPUT,
                        "token %" PRId32 " at position %zu, expected 0 to %" PRIu32, input->id,
                        position, s->model->info.vocab - 1);
    if (!uses_records(s)) return ENG_OK;
    if (input->record.segment > 3)
        return eng_fail(err, ENG_BAD_INPUT, "segment %u at position %zu, expected 0 to 3",
                        input->record.segment, position);
    for (size_t l = 0; l < ENG_LEVELS; l++) {
        int32_t start = input->record.chain[l];
        if (start < -1 || (start >= 0 && (size_t)start >= position))
            return eng_fail(err, ENG_BAD_INPUT,
                            "chain[%zu] is %" PRId32 " at position %zu, expected an earlier "
                            "position or -1",
                            l, start, position);
    }
    return ENG_OK;
}

static void store_input(struct eng_session *s, size_t position, const struct eng_input *input)
{
    uint8_t segment = input->record.segment;
    s->inputs[position] = *input;
    s->group[position] = segment == 3 ? 2 : segment; /* the middle continues the prefix */
    s->innermost[position] = input->record.chain[0];
}

static bool same_input(const struct eng_session *s, const struct eng_input *a,
                       const struct eng_input *b)
{
    if (a->id != b->id) return false;
    return !uses_records(s) || memcmp(&a->record, &b->record, sizeof a->record) == 0;
}

/* ---- Evaluation -------------------------------------------------------------------- */

/* Evaluates want[length..n). Logits of the positions from first on go to out, row by row;
 * first == n - 1 leaves those of the last token. */
static enum eng_status evaluate(struct eng_session *s, const struct eng_input *want, size_t n,
                                size_t first, float *out, eng_cancel *cancel, struct eng_error *err)
{
    while (s->length < n) {
        size_t position = s->length;
        size_t count = n - position < s->chunk ? n - position : s->chunk;
        for (size_t i = 0; i < count; i++)
            store_input(s, position + i, &want[position + i]);

        size_t first_row = first > position ? first - position : 0;
        if (first_row > count) first_row = count;
        enum eng_status status = eng_forward(s, true, position, count, first_row, out, cancel);
        if (status != ENG_OK)
            return eng_fail(err, status, "cancelled after %zu of %zu tokens", s->length, n);
        s->length += count;
        s->synced = s->length;
        out += (count - first_row) * s->model->info.vocab;
    }
    return ENG_OK;
}

static enum eng_status check_length(const struct eng_session *s, size_t n, struct eng_error *err)
{
    if (n <= s->capacity) return ENG_OK;
    return eng_fail(err, ENG_BAD_INPUT, "sequence of %zu tokens, the session holds %" PRIu32, n,
                    s->capacity);
}

enum eng_status eng_session_sync(struct eng_session *session, const struct eng_input *want,
                                 size_t n, eng_cancel *cancel, size_t *reused,
                                 struct eng_error *err)
{
    size_t keep = 0;
    enum eng_status status = check_length(session, n, err);
    if (reused) *reused = 0;
    if (status != ENG_OK) return status;

    while (keep < n && keep < session->synced &&
           same_input(session, &session->inputs[keep], &want[keep]))
        keep++;
    for (size_t i = keep; i < n; i++)
        if ((status = check_input(session, &want[i], i, err)) != ENG_OK) return status;

    if (keep == n && keep == session->length && (session->has_logits || n == 0)) {
        if (reused) *reused = keep;
        return ENG_OK;
    }
    size_t bytes = session->model->info.vocab * sizeof *session->logits;
    if (keep == n && n > 0 && session->kept_at == n) { /* back from what was decoded */
        eng_session_rewind(session, n);
        memcpy(session->logits, session->kept_logits, bytes);
        session->has_logits = true;
        if (reused) *reused = n;
        return ENG_OK;
    }
    if (keep == n && n > 0) keep = n - 1; /* the last token again, for its logits */
    eng_session_rewind(session, keep);
    if (reused) *reused = keep;
    session->has_logits = false;
    status = evaluate(session, want, n, n - 1, session->logits, cancel, err);
    session->has_logits = status == ENG_OK && n > 0;
    if (session->has_logits) {
        memcpy(session->kept_logits, session->logits, bytes);
        session->kept_at = n;
    }
    return status;
}

enum eng_status eng_session_append(struct eng_session *session, const struct eng_input *next,
                                   eng_cancel *cancel, struct eng_error *err)
{
    size_t position = session->length;
    enum eng_status status = check_length(session, position + 1, err);
    if (status == ENG_OK) status = check_input(session, next, position, err);
    if (status != ENG_OK) return status;

    session->has_logits = false;
    store_input(session, position, next);
    status = eng_forward(session, false, position, 1, 0, session->logits, cancel);
    if (status != ENG_OK) return eng_fail(err, status, "cancelled at token %zu", position);
    session->length++;
    if (!session->has_tiles) session->synced = session->length;
    session->has_logits = true;
    return ENG_OK;
}

void eng_session_rewind(struct eng_session *session, size_t n)
{
    if (n >= session->length) return;
    session->length = n;
    if (session->synced > n) session->synced = n;
    if (session->kept_at > n) session->kept_at = 0;
    session->has_logits = false;
}

enum eng_status eng_session_logits_all(struct eng_session *session, const struct eng_input *want,
                                       size_t n, size_t first, float *out, eng_cancel *cancel,
                                       struct eng_error *err)
{
    enum eng_status status = check_length(session, n, err);
    if (status != ENG_OK) return status;
    if (first > n)
        return eng_fail(err, ENG_BAD_INPUT, "logits from position %zu of %zu tokens", first, n);
    for (size_t i = 0; i < n; i++)
        if ((status = check_input(session, &want[i], i, err)) != ENG_OK) return status;

    session->length = session->synced = session->kept_at = 0;
    session->has_logits = false;
    return evaluate(session, want, n, first, out, cancel, err);
}
