/* Sessions: what is cached, what of it can be kept, and what has to be evaluated.
 *
 * A session is a row of pages, the inputs that they hold and the logits of the last token. Its
 * arrays are laid out at creation and its pages promised by the cache, so sync, append and rewind
 * do not allocate. The caller only states what the sequence should be. A token counts as cached
 * once its keys and values are written in every layer; everything at and past `length` is scratch.
 * Of what is about to be dropped, a long rest is parked in the cache, and where more of the wanted
 * sequence is parked than the session holds, it continues from there. The logits of the last sync
 * are kept beside those at hand: who decodes several texts from one prompt comes back to it without
 * evaluating anything.
 *
 * Deliberately absent: which session runs when, which is the queue's business.
 */
#include "engine/session.h"
#include "engine/error.h"
#include "engine/layout.h"
#include "engine/queue.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Tokens that have to be at stake for a sequence to be parked, or taken from where it was: fewer
 * are evaluated in less time than a page is copied. */
#define PARK_LEAST 32u

/* ---- Memory ------------------------------------------------------------------------ */

static void lay_out(struct eng_session *s, struct eng_layout *l)
{
    size_t padded = s->n_pages * ENG_CACHE_PAGE, vocab = s->model->info.vocab;
    s->inputs = eng_place(l, s->capacity, 1, 1, sizeof *s->inputs);
    s->group = eng_place(l, padded, 1, 1, sizeof *s->group);
    s->innermost = eng_place(l, padded, 1, 1, sizeof *s->innermost);
    s->pages = eng_place(l, s->n_pages, 1, 1, sizeof *s->pages);
    s->page_bytes = eng_place(l, s->n_pages, 1, 1, sizeof *s->page_bytes);
    s->spare = eng_place(l, s->n_pages, 1, 1, sizeof *s->spare);
    s->logits = eng_place(l, vocab, 1, 1, sizeof *s->logits);
    s->kept_logits = eng_place(l, vocab, 1, 1, sizeof *s->kept_logits);
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
    enum eng_status status = eng_pass_fit(model, capacity, err);
    if (status != ENG_OK) return status;
    struct eng_session *s = calloc(1, sizeof *s);
    if (!s) return eng_fail(err, ENG_NO_MEMORY, "out of memory for a session");
    s->model = model;
    s->capacity = capacity;
    s->n_pages = eng_pages_of(capacity);

    struct eng_layout layout = {.base = NULL};
    lay_out(s, &layout);
    if (layout.overflow || posix_memalign(&s->block, 64, layout.used) != 0) {
        free(s);
        return eng_fail(err, ENG_NO_MEMORY, "out of memory for a session of %" PRIu32 " tokens",
                        capacity);
    }
    status = eng_cache_promise(model->cache, s->n_pages, err);
    if (status != ENG_OK) {
        free(s->block);
        free(s);
        return status;
    }
    s->bytes = sizeof *s + layout.used + s->n_pages * eng_cache_page_bytes(model->cache);
    memset(s->block, 0, layout.used);
    layout = (struct eng_layout){.base = s->block};
    lay_out(s, &layout);
    *out = s;
    return ENG_OK;
}

void eng_session_free(struct eng_session *session)
{
    if (!session) return;
    eng_cache_park(session->model->cache, session->pages, session->synced);
    eng_pages_drop(session->model->cache, session->pages, session->n_pages);
    eng_cache_withdraw(session->model->cache, session->n_pages);
    free(session->block);
    free(session);
}

size_t eng_session_bytes(const struct eng_session *session)
{
    const struct eng_model *model = session->model;
    eng_pool_enter(model->pool); /* another session may make the pass grow */
    size_t bytes = session->bytes + model->pass->bytes;
    eng_pool_leave(model->pool);
    return bytes;
}

void eng_session_set_priority(struct eng_session *session, enum eng_priority priority)
{
    atomic_store(&session->priority, (int)priority);
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

/* ---- Pages -------------------------------------------------------------------------- */

static void show_pages(struct eng_session *s)
{
    for (size_t i = 0; i < s->n_pages; i++)
        s->page_bytes[i] = s->pages[i] ? s->pages[i]->bytes : NULL;
}

/* Takes over the first n tokens of pages that are held already, in place of its own. */
static void adopt(struct eng_session *s, struct eng_page **pages, const struct eng_input *inputs,
                  size_t n)
{
    eng_pages_drop(s->model->cache, s->pages, s->n_pages);
    memcpy(s->pages, pages, eng_pages_of(n) * sizeof *pages);
    show_pages(s);
    for (size_t i = 0; i < n; i++)
        store_input(s, i, &inputs[i]);
    s->length = s->synced = n;
    s->kept_at = 0;
    s->has_logits = false;
}

/* Looks whether more of want[0..n) is parked than the `keep` tokens that the session has of it, and
 * continues from there. What the session loses is parked. Returns the tokens that it then has. */
static size_t exchange(struct eng_session *s, const struct eng_input *want, size_t n, size_t keep)
{
    struct eng_cache *cache = s->model->cache;
    struct eng_page **found = s->spare;
    size_t length = 0;
    if (n > keep + PARK_LEAST)
        length = eng_cache_find(cache, want, n, keep + PARK_LEAST, uses_records(s), found);
    if (s->synced > keep + PARK_LEAST) eng_cache_park(cache, s->pages, s->synced);
    if (length > 0) adopt(s, found, want, length);
    return length > 0 ? length : keep;
}

/* ---- Evaluation -------------------------------------------------------------------- */

/* Evaluates want[length..n). Logits of the positions from first on go to out, row by row;
 * first == n - 1 leaves those of the last token. again: of a token that is cached as it is wanted
 * nothing is to be written: what a shared page holds would be copied to become what it is. */
static enum eng_status evaluate(struct eng_session *s, const struct eng_input *want, size_t n,
                                size_t first, bool again, float *out, eng_cancel *cancel,
                                struct eng_error *err)
{
    size_t chunk = s->model->pass->chunk;
    while (s->length < n) {
        size_t position = s->length;
        size_t count = n - position < chunk ? n - position : chunk;
        for (size_t i = 0; i < count; i++)
            store_input(s, position + i, &want[position + i]);

        size_t first_row = first > position ? first - position : 0;
        if (first_row > count) first_row = count;
        struct eng_request request = {.session = s,
                                      .rows = count,
                                      .logits_from = first_row,
                                      .logits = out,
                                      .prefill = true,
                                      .again = again};
        enum eng_status status = eng_queue_run(s->model->queue, &request, 1, cancel);
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
           eng_same_input(&session->inputs[keep], &want[keep], uses_records(session)))
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
    keep = exchange(session, want, n, keep);
    bool again = keep == n && n > 0;
    if (again) keep = n - 1; /* the last token again, for its logits */
    eng_session_rewind(session, keep);
    if (reused) *reused = keep;
    session->has_logits = false;
    status = evaluate(session, want, n, n - 1, again, session->logits, cancel, err);
    session->has_logits = status == ENG_OK && n > 0;
    if (session->has_logits) {
        memcpy(session->kept_logits, session->logits, bytes);
        session->kept_at = n;
    }
    return status;
}

/* Evaluates rows tokens each of some sessions, whose inputs are stored, as decoded ones. */
static enum eng_status decode(struct eng_request *requests, size_t n, eng_cancel *cancel,
                              struct eng_error *err)
{
    const struct eng_model *model = requests[0].session->model;
    for (size_t i = 0; i < n; i++)
        requests[i].session->has_logits = false;
    enum eng_status status = eng_queue_run(model->queue, requests, n, cancel);
    for (size_t i = 0; i < n; i++) {
        struct eng_session *s = requests[i].session;
        if (requests[i].status != ENG_OK) continue;
        s->length += requests[i].rows;
        if (!model->pass->has_tiles) s->synced = s->length;
    }
    if (status != ENG_OK) return eng_fail(err, status, "cancelled while decoding");
    return ENG_OK;
}

static enum eng_status take_inputs(struct eng_session *s, const struct eng_input *next, size_t n,
                                   struct eng_error *err)
{
    enum eng_status status = check_length(s, s->length + n, err);
    for (size_t i = 0; i < n && status == ENG_OK; i++)
        status = check_input(s, &next[i], s->length + i, err);
    for (size_t i = 0; i < n && status == ENG_OK; i++)
        store_input(s, s->length + i, &next[i]);
    return status;
}

enum eng_status eng_session_append(struct eng_session *session, const struct eng_input *next,
                                   eng_cancel *cancel, struct eng_error *err)
{
    return eng_sessions_append(&session, next, 1, cancel, err);
}

enum eng_status eng_sessions_append(struct eng_session *const *sessions,
                                    const struct eng_input *next, size_t n, eng_cancel *cancel,
                                    struct eng_error *err)
{
    struct eng_request requests[ENG_BATCH] = {{0}};
    if (n == 0) return ENG_OK;
    if (n > ENG_BATCH)
        return eng_fail(err, ENG_BAD_INPUT, "%zu sessions at a time, expected at most %d", n,
                        ENG_BATCH);
    for (size_t i = 0; i < n; i++) {
        if (sessions[i]->model != sessions[0]->model)
            return eng_fail(err, ENG_BAD_INPUT, "session %zu is of another model", i);
        enum eng_status status = take_inputs(sessions[i], &next[i], 1, err);
        if (status != ENG_OK) return status;
        requests[i] =
            (struct eng_request){.session = sessions[i], .rows = 1, .logits = sessions[i]->logits};
    }
    enum eng_status status = decode(requests, n, cancel, err);
    for (size_t i = 0; i < n; i++)
        sessions[i]->has_logits = requests[i].status == ENG_OK;
    return status;
}

enum eng_status eng_session_extend(struct eng_session *session, const struct eng_input *next,
                                   size_t n, float *logits, eng_cancel *cancel,
                                   struct eng_error *err)
{
    if (n == 0) return ENG_OK;
    if (n > ENG_BATCH)
        return eng_fail(err, ENG_BAD_INPUT, "%zu tokens at a time, expected at most %d", n,
                        ENG_BATCH);
    enum eng_status status = take_inputs(session, next, n, err);
    if (status != ENG_OK) return status;
    struct eng_request request = {.session = session, .rows = n, .logits = logits};
    status = decode(&request, 1, cancel, err);
    if (status != ENG_OK) return status;
    size_t vocab = session->model->info.vocab;
    memcpy(session->logits, logits + (n - 1) * vocab, vocab * sizeof *logits);
    session->has_logits = true;
    return ENG_OK;
}

enum eng_status eng_session_copy(struct eng_session *to, const struct eng_session *from,
                                 struct eng_error *err)
{
    if (to->model != from->model)
        return eng_fail(err, ENG_BAD_INPUT, "the sessions are of two models");
    enum eng_status status = check_length(to, from->length, err);
    if (status != ENG_OK || to == from) return status;
    eng_pages_hold(from->model->cache, from->pages, eng_pages_of(from->length));
    memcpy(to->spare, from->pages, eng_pages_of(from->length) * sizeof *to->spare);
    adopt(to, to->spare, from->inputs, from->length);
    to->synced = from->synced;
    size_t bytes = to->model->info.vocab * sizeof *to->logits;
    to->has_logits = from->has_logits;
    if (from->has_logits) memcpy(to->logits, from->logits, bytes);
    to->kept_at = from->kept_at;
    if (from->kept_at > 0) memcpy(to->kept_logits, from->kept_logits, bytes);
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
    return evaluate(session, want, n, first, false, out, cancel, err);
}
