/* complete.c: from a request to a job, and from a job to items.
 *
 * Owns the job (prompt, site, limits) and the turns that its writers take; the loop that turns
 * logits into text is writer.c's. Everything that reads the document happens in prepare; run
 * touches plain values and the job's own snapshot, so the document may change or go away meanwhile.
 * It deliberately knows no request ids, versions or editors: whether a result is still wanted is
 * the caller's question, asked through the cancel flag.
 *
 * All memory a run needs is taken before the first token.
 */
#include "lsp/assist/complete.h"
#include "grammars/grammars.h"
#include "lsp/assist/tokens.h"
#include "lsp/assist/writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_TOKENS = 48, BLOCK_TOKENS = 128 };

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

const char *asst_stop_name(enum asst_stop stop)
{
    static const char *const names[] = {"eot", "newline", "closed", "max_tokens", "invalid"};
    return names[stop];
}

/* ---- Prepare -------------------------------------------------------------------------- */

static bool opens_scope(uint8_t kind)
{
    switch (kind) {
    case GRAM_KIND_FUNCTION:
    case GRAM_KIND_CLASS:
    case GRAM_KIND_BLOCK:
    case GRAM_KIND_IF:
    case GRAM_KIND_LOOP:
    case GRAM_KIND_SWITCH:
    case GRAM_KIND_TRY:
        return true;
    default:
        return false;
    }
}

/* The last byte before the cursor on its line that is not blank, 0 when there is none. */
static char last_on_line(const struct asst_request *request)
{
    size_t len, line, column, at = request->cursor;
    const char *text = syn_document_text(request->doc, &len);
    syn_position_of(request->doc, at, SYN_UTF8, &line, &column);
    size_t start = syn_line_start(request->doc, line);
    while (at > start && (text[at - 1] == ' ' || text[at - 1] == '\t'))
        at--;
    return at > start ? text[at - 1] : 0;
}

/* Does a block open at the cursor? Right of it nothing may stand, nor a deeper line below,
 * and of the scopes that the tree has open at the cursor one must have begun on this line:
 * at the brace in front of the cursor; at the line's first word, when a colon stands there;
 * or where the tree lacks nothing but the scope's closing keyword. */
static bool block_opens(const struct asst_request *request, const struct asst_prompt *p,
                        const struct asst_site *site)
{
    if (!p->has_tree || !asst_site_is_open(site)) return false;
    char last = last_on_line(request);
    bool lacks_end = asst_is_closing_keyword(syn_hole_filling(site->hole));
    for (size_t i = p->middle.length; i-- > 0;) {
        int32_t start = p->middle.start[i];
        if (start < (int32_t)p->line_position) return false;
        if (last == '{' && p->middle.opener[i] == '{') return true;
        if (!opens_scope(p->middle.kind[i])) continue;
        if (last == ':' && start == (int32_t)p->line_position) return true;
        if (lacks_end) return true;
    }
    return false;
}

static enum eng_status keep_healed(struct asst_job *job, const struct asst_request *request,
                                   struct eng_error *err)
{
    size_t len;
    const char *text = syn_document_text(request->doc, &len);
    job->healed_len = request->cursor - job->prompt.heal_start;
    job->healed = malloc(job->healed_len + 1);
    if (!job->healed) return asst_no_memory(err);
    memcpy(job->healed, text + job->prompt.heal_start, job->healed_len);
    return ENG_OK;
}

static uint32_t tokens_wanted(const struct asst_request *request, bool block, uint32_t middle_max)
{
    uint32_t n = request->max_tokens;
    if (n == 0) n = block ? BLOCK_TOKENS : LINE_TOKENS;
    if (n > ASST_MAX_TOKENS) n = ASST_MAX_TOKENS;
    return n < middle_max ? n : middle_max;
}

/* The document's tokens, where there are weights to mix them in by, or drafts are made of them. */
static enum eng_status read_recall(struct asst_job *job, const struct asst_request *request,
                                   const struct asst_source *source, struct eng_error *err)
{
    const struct eng_model_info *info = eng_model_info(job->model);
    const float *weights = request->recall;
    if (!weights && info->recalls) weights = info->recall;
    job->mixes = weights && !request->no_recall;
    job->drafts = !request->no_draft;
    if (!job->mixes && !job->drafts) return ENG_OK;
    if (job->mixes) memcpy(job->recall_weights, weights, sizeof job->recall_weights);
    const struct asst_prompt *p = &job->prompt;
    enum eng_status status =
        asst_recall_new(job->model, ASST_MAX_TOKENS + p->n_extra + 1, &job->recall, err);
    for (uint32_t i = 0; status == ENG_OK && i < p->n_extra; i++)
        asst_recall_push(job->recall, p->inputs[p->extra_at + i].id);
    if (status == ENG_OK && p->n_extra > 0) asst_recall_gap(job->recall);
    if (status == ENG_OK)
        status = asst_recall_read(job->recall, source, job->prompt.heal_start, err);
    if (status != ENG_OK || !request->shelf) return status;
    job->shelf = asst_shelf_hold(request->shelf);
    asst_recall_look_at(job->recall, job->shelf);
    return ENG_OK;
}

static bool is_unwanted(const struct asst_request *request, const struct syn_hole *hole)
{
    if (!hole || (!request->not_in_comments && !request->not_in_strings)) return false;
    enum syn_place place = syn_hole_place(hole);
    return (place == SYN_PLACE_COMMENT && request->not_in_comments) ||
           (place == SYN_PLACE_STRING && request->not_in_strings);
}

static enum eng_status prepare(struct asst_job *job, const struct asst_request *request,
                               struct eng_error *err)
{
    struct asst_prompt_options sizes;
    if (request->sizes)
        sizes = *request->sizes;
    else
        asst_prompt_defaults(job->model, &sizes);
    if (request->extra_max) sizes.extra_max = request->extra_max;
    if (request->max_tokens > sizes.middle_max && request->max_tokens < sizes.budget / 2)
        sizes.middle_max = request->max_tokens;

    struct syn_error why = {"the text around the cursor could not be read"};
    bool tree = syn_document_language(request->doc) != NULL;
    enum syn_status syn = asst_site_open(request->doc, request->cursor, tree, &job->site, &why);
    enum eng_status status = asst_from_syntax(syn, &why, err);
    job->idle = status == ENG_OK && is_unwanted(request, job->site.hole);
    if (job->idle) return ENG_OK;
    struct asst_tokens *own = NULL;
    if (status == ENG_OK && !request->tokens) status = asst_tokens_new(job->model, &own, err);
    struct asst_source source = {.doc = request->doc,
                                 .hole = job->site.hole,
                                 .hole_start = request->cursor,
                                 .hole_end = request->cursor,
                                 .tokens = own ? own : request->tokens,
                                 .extra = request->extra};
    if (status == ENG_OK)
        status = asst_prompt_build(job->model, &source, &sizes, &job->prompt, err);
    if (status == ENG_OK) status = read_recall(job, request, &source, err);
    if (status == ENG_OK) status = keep_healed(job, request, err);
    if (status == ENG_OK && !request->vocabulary)
        status = asst_vocabulary_new(job->model, &job->vocabulary, err);
    asst_tokens_free(own);
    if (status != ENG_OK) return status;

    asst_follow_begin(&job->follow, job->vocabulary ? job->vocabulary : request->vocabulary,
                      job->site.hole, !request->no_grammar);
    job->free = request->scope == ASST_SCOPE_TEXT;
    job->block =
        request->scope == ASST_SCOPE_BLOCK || job->free ||
        (request->scope == ASST_SCOPE_AUTO && block_opens(request, &job->prompt, &job->site));
    job->max_tokens = tokens_wanted(request, job->block, sizes.middle_max);
    job->n = request->n == 0 ? 1 : request->n > ASST_MAX_ITEMS ? ASST_MAX_ITEMS : request->n;
    job->temperature = request->temperature;
    job->seed = request->seed;
    job->min_confidence = asst_least_confidence(job->model, request->min_confidence);
    return ENG_OK;
}

enum eng_status asst_complete_prepare(const struct eng_model *model,
                                      const struct asst_request *request, struct asst_job **out,
                                      struct eng_error *err)
{
    double began = now_ms();
    *out = NULL;
    size_t len;
    syn_document_text(request->doc, &len);
    if (request->cursor > len) {
        if (err)
            snprintf(err->text, sizeof err->text, "cursor at byte %zu of a text of %zu bytes",
                     request->cursor, len);
        return ENG_BAD_INPUT;
    }
    struct asst_job *job = calloc(1, sizeof *job);
    if (!job) return asst_no_memory(err);
    job->model = model;
    enum eng_status status = prepare(job, request, err);
    if (status != ENG_OK) {
        asst_job_free(job);
        return status;
    }
    job->prepare_ms = now_ms() - began;
    *out = job;
    return ENG_OK;
}

void asst_job_free(struct asst_job *job)
{
    if (!job) return;
    asst_prompt_free(&job->prompt);
    asst_site_close(&job->site);
    asst_recall_free(job->recall);
    asst_shelf_release(job->shelf);
    asst_vocabulary_free(job->vocabulary);
    free(job->healed);
    free(job);
}

bool asst_job_is_block(const struct asst_job *job)
{
    return job->block;
}

/* ---- Items ---------------------------------------------------------------------------- */

/* What speaks for text[len], of which the model had written `length` bytes. */
static void weigh(const struct asst_candidate *c, size_t healed, const char *text, size_t len,
                  size_t length, struct asst_evidence *out)
{
    bool cut = false, lines = false;
    for (size_t i = len; i < length; i++)
        cut |= text[i] != ' ' && text[i] != '\t' && text[i] != '\n' && text[i] != '\r';
    for (size_t i = 0; i < len; i++)
        lines |= text[i] == '\n' || text[i] == '\r';
    uint32_t kept = c->tokens;
    while (cut && kept > 0 && c->start[kept - 1] >= healed + len)
        kept--;
    double all = 0;
    for (uint32_t i = 0; i < c->tokens; i++)
        all += c->log_prob[i];
    asst_evidence_of(c->log_prob, kept, cut, !cut && c->stop == ASST_STOP_END, lines, out);
    out->mean_all = (float)exp(all / (c->tokens ? c->tokens : 1));
}

/* Turns the candidate into an item, unless nothing is left of it, it is there already, or
 * there is too little in its favour. */
static enum eng_status keep_item(struct asst_writer *writer, struct asst_result *out)
{
    struct asst_candidate *c = &writer->candidate;
    const struct asst_job *job = writer->run->job;
    if (c->len <= job->healed_len || memcmp(c->text, job->healed, job->healed_len) != 0)
        return ENG_OK;
    char *text = c->text + job->healed_len;
    size_t len = asst_sound_length(text, c->len - job->healed_len);
    if (len < c->len - job->healed_len) c->stop = ASST_STOP_INVALID;
    size_t written = len;
    if (!out->raw) {
        out->raw = out->storage + job->n * ASST_MAX_TEXT_BYTES;
        memcpy(out->raw, text, len);
        out->raw[len] = 0;
        out->raw_len = len;
    }
    struct syn_error why = {"the candidate could not be judged"};
    size_t replaces = 0;
    enum syn_status syn = asst_candidate_trim(&job->site, text, &len, &replaces, &c->stop, &why);
    if (syn != SYN_OK) return asst_from_syntax(syn, &why, writer->run->err);
    if (len == 0) return ENG_OK;
    for (size_t i = 0; i < out->count; i++)
        if (out->items[i].len == len && memcmp(out->items[i].text, text, len) == 0) return ENG_OK;

    struct asst_item *item = &out->items[out->count];
    item->text = out->storage + out->count * ASST_MAX_TEXT_BYTES;
    memcpy(item->text, text, len);
    item->text[len] = 0;
    item->len = len;
    item->replaces = (uint32_t)replaces;
    weigh(c, job->healed_len, text, len, written, &item->evidence);
    item->confidence = asst_confidence(job->model, &item->evidence);
    item->stop = c->stop;
    if (item->confidence >= job->min_confidence) out->count++;
    return ENG_OK;
}

static int by_confidence(const void *a, const void *b)
{
    const struct asst_item *x = a, *y = b;
    if (x->confidence != y->confidence) return x->confidence < y->confidence ? 1 : -1;
    return x->text < y->text ? -1 : 1; /* the earlier decoded */
}

enum eng_status asst_complete_prefill(struct eng_session *session, const struct asst_job *job,
                                      eng_cancel *cancel, struct eng_error *err)
{
    if (job->idle) return ENG_OK;
    return eng_session_sync(session, job->prompt.inputs, job->prompt.length, cancel, NULL, err);
}

/* ---- Run ------------------------------------------------------------------------------- */

/* The sessions of a run's further writers: copies of the first one's, which stands at the end of
 * the prompt. */
static enum eng_status open_writers(struct asst_run *run, struct eng_session *session,
                                    struct asst_writer **writers)
{
    const struct asst_job *job = run->job;
    enum eng_status status = ENG_OK;
    for (uint32_t i = 0; i < job->n && status == ENG_OK; i++) {
        struct eng_session *own = session;
        writers[i] = calloc(1, sizeof *writers[i]);
        if (!writers[i]) return asst_no_memory(run->err);
        if (i > 0) status = eng_session_new(job->model, job->prompt.capacity, &own, run->err);
        if (i > 0 && status == ENG_OK) status = eng_session_copy(own, session, run->err);
        if (!own) continue;
        enum eng_status opened = asst_writer_open(writers[i], run, own, i == 0);
        if (status == ENG_OK) status = opened;
    }
    return status;
}

static void close_writers(const struct asst_job *job, struct asst_writer **writers)
{
    for (uint32_t i = 0; i < job->n; i++) {
        if (!writers[i]) continue;
        struct eng_session *own = i > 0 ? writers[i]->session : NULL;
        asst_writer_close(writers[i]);
        eng_session_free(own);
        free(writers[i]);
    }
}

/* One writer goes on by itself; of several, each takes a token in turn, and one pass evaluates all.
 * A writer starts when those before it have begun with another token than its own. */
static enum eng_status write_all(struct asst_run *run, struct asst_writer **writers)
{
    size_t n = run->job->n;
    enum eng_status status = ENG_OK;
    while (status == ENG_OK) {
        struct eng_session *sessions[ASST_MAX_ITEMS];
        struct eng_input next[ASST_MAX_ITEMS];
        size_t go_on = 0;
        bool may_start = true;
        for (size_t i = 0; i < n && status == ENG_OK && may_start; i++) {
            struct asst_writer *w = writers[i];
            if (!w->ended) status = asst_writer_step(w);
            may_start = w->begun || w->ended;
            if (w->ended) continue;
            sessions[go_on] = w->session;
            next[go_on++] = *asst_writer_input(w);
        }
        if (status != ENG_OK || go_on == 0) return status;
        if (n == 1) {
            status = asst_writer_evaluate(writers[0]);
            continue;
        }
        run->passes++;
        status = eng_sessions_append(sessions, next, go_on, run->cancel, run->err);
    }
    return status;
}

static enum eng_status run_all(struct asst_run *run, struct eng_session *session,
                               struct asst_result *out)
{
    const struct asst_job *job = run->job;
    struct asst_writer *writers[ASST_MAX_ITEMS] = {NULL};
    size_t recalled = job->recall ? asst_recall_length(job->recall) : 0, cached = 0;
    double began = now_ms();
    enum eng_status status = eng_session_sync(session, job->prompt.inputs, job->prompt.length,
                                              run->cancel, &cached, run->err);
    double synced = now_ms();
    out->timings.prefill_ms = synced - began;
    out->timings.cached_tokens = (uint32_t)cached;
    if (status == ENG_OK) status = open_writers(run, session, writers);
    if (status == ENG_OK) status = write_all(run, writers);
    for (uint32_t i = 0; i < job->n && status == ENG_OK; i++)
        status = keep_item(writers[i], out);
    close_writers(job, writers);
    if (job->recall) asst_recall_rewind(job->recall, recalled);
    out->timings.decode_ms = now_ms() - synced;
    return status;
}

enum eng_status asst_complete_run(struct eng_session *session, struct asst_job *job,
                                  eng_cancel *cancel, struct asst_result *out,
                                  struct eng_error *err)
{
    memset(out, 0, sizeof *out);
    if (job->idle) return ENG_OK;
    struct asst_run run = {.job = job,
                           .cancel = cancel,
                           .err = err,
                           .vocab = eng_model_info(job->model)->vocab,
                           .end = eng_end_token(job->model),
                           .sampler = {job->temperature, 1.0f, job->seed}};
    run.scratch = malloc(run.vocab * sizeof *run.scratch);
    run.allowed = malloc(ENG_SET_WORDS(run.vocab) * sizeof *run.allowed);
    run.mixed = job->mixes ? malloc(run.vocab * sizeof *run.mixed) : NULL;
    out->storage = malloc(((size_t)job->n + 1) * ASST_MAX_TEXT_BYTES);
    enum eng_status status = ENG_OK;
    if (!run.scratch || !run.allowed || (job->mixes && !run.mixed) || !out->storage)
        status = asst_no_memory(err);
    if (status == ENG_OK) status = run_all(&run, session, out);
    out->timings.prepare_ms = job->prepare_ms;
    out->timings.prompt_tokens = job->prompt.length;
    out->timings.extra_tokens = job->prompt.n_extra;
    out->timings.generated_tokens = run.generated;
    out->timings.passes = run.passes;
    free(run.scratch);
    free(run.allowed);
    free(run.mixed);
    if (status != ENG_OK) asst_result_free(out);
    qsort(out->items, out->count, sizeof out->items[0], by_confidence);
    return status;
}

void asst_result_free(struct asst_result *result)
{
    if (!result) return;
    free(result->storage);
    memset(result, 0, sizeof *result);
}
