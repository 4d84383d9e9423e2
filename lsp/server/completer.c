/* completer.c: assists on a model that others may use as well, and a session of its own.
 *
 * Owns the session and holds the model. The inference thread replaces them only while the loop
 * thread has no use for them: the loop forgets a model (and the token caches made from it)
 * before it asks for another, so prepare and load never meet.
 */
#include "lsp/server/completer.h"
#include "lsp/server/models.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct pair {
    struct lsp_models *models;
    struct lsp_taken_model taken; /* .model is NULL: none */
    struct eng_session *session;
};

static void unload(void *state)
{
    struct pair *pair = state;
    eng_session_free(pair->session);
    if (pair->taken.model) lsp_models_release(pair->models, pair->taken.model);
    pair->session = NULL;
    pair->taken = (struct lsp_taken_model){.model = NULL};
}

static void describe(const struct pair *pair, double load_ms, struct lsp_model_facts *facts)
{
    const struct eng_model_info *info = eng_model_info(pair->taken.model);
    memset(facts, 0, sizeof *facts);
    snprintf(facts->name, sizeof facts->name, "%s", info->name);
    snprintf(facts->architecture, sizeof facts->architecture, "%s", info->architecture);
    snprintf(facts->weight_type, sizeof facts->weight_type, "%s", info->weight_type);
    snprintf(facts->kernels, sizeof facts->kernels, "%s", info->kernels);
    facts->parameters = info->parameters;
    facts->file_bytes = info->file_bytes;
    facts->session_bytes = eng_session_bytes(pair->session);
    facts->context = info->context;
    facts->warm = pair->taken.warm;
    facts->load_ms = load_ms;
    facts->least_confidence = info->calibrated ? (double)info->least_confidence : 0;
}

static enum eng_status load(void *state, const struct lsp_model_choice *choice,
                            struct lsp_model_facts *facts, struct eng_error *err)
{
    struct pair *pair = state;
    uint64_t start = uv_hrtime(); /* ns */
    unload(pair);
    enum eng_status status = lsp_models_take(pair->models, choice, &pair->taken, err);
    if (status != ENG_OK) return status;
    /* No more cache than prompts can fill: a model's own context may be huge. */
    struct asst_prompt_options sizes;
    asst_prompt_defaults(pair->taken.model, &sizes);
    status = eng_session_new(pair->taken.model, sizes.budget, &pair->session, err);
    if (status != ENG_OK) {
        pair->session = NULL;
        unload(pair);
        return status;
    }
    describe(pair, (double)(uv_hrtime() - start) / 1e6, facts);
    return ENG_OK;
}

/* What a request needs, by itself. */
struct work {
    struct asst_request request;
    struct syn_document *doc;
    struct asst_extra extra;
    struct asst_snippet *snippets; /* [extra.count], in text */
    char *text;
    uv_thread_t loop; /* where it was made */
};

/* Holes are repaired and prompts made here, and never by the loop. */
static enum eng_status open_job(const struct pair *pair, const struct work *work,
                                eng_cancel *cancel, struct asst_job **out, struct eng_error *err)
{
    uv_thread_t self = uv_thread_self();
    assert(!uv_thread_equal(&self, &work->loop));
    (void)self;
    struct syn_error why = {""};
    syn_document_set_stop(work->doc, cancel);
    enum eng_status status = asst_from_syntax(syn_document_parse(work->doc, 0, &why), &why, err);
    if (status != ENG_OK) return status;
    return asst_complete_prepare(pair->taken.model, &work->request, out, err);
}

/* Who waits for a completion goes before the prompts that others may want soon. */
static enum eng_status complete(void *state, void *work, eng_cancel *cancel,
                                struct asst_result *out, struct eng_error *err)
{
    struct pair *pair = state;
    struct asst_job *job = NULL;
    memset(out, 0, sizeof *out);
    eng_session_set_priority(pair->session, ENG_PRIORITY_TYPING);
    enum eng_status status = open_job(pair, work, cancel, &job, err);
    if (status == ENG_OK) status = asst_complete_run(pair->session, job, cancel, out, err);
    asst_job_free(job);
    return status;
}

static enum eng_status prefill(void *state, void *work, eng_cancel *cancel, struct eng_error *err)
{
    struct pair *pair = state;
    struct asst_job *job = NULL;
    eng_session_set_priority(pair->session, ENG_PRIORITY_REVIEW);
    enum eng_status status = open_job(pair, work, cancel, &job, err);
    if (status == ENG_OK) status = asst_complete_prefill(pair->session, job, cancel, err);
    asst_job_free(job);
    return status;
}

static enum eng_status shelve(void *state, const struct idx_texts *texts, struct asst_shelf **out,
                              struct eng_error *err)
{
    struct pair *pair = state;
    struct asst_shelf_text each[IDX_NEAR_FILES];
    for (size_t i = 0; i < texts->n; i++)
        each[i] = (struct asst_shelf_text){texts->at[i].text, texts->at[i].len};
    return asst_shelf_new(pair->taken.model, each, texts->n, out, err);
}

static void discard(void *state, void *handle)
{
    struct work *work = handle;
    (void)state;
    if (!work) return;
    syn_document_free(work->doc);
    asst_tokens_free(work->request.tokens);
    asst_shelf_release(work->request.shelf);
    free(work->snippets);
    free(work->text);
    free(work);
}

/* The snippets, with one text that holds all of theirs. */
static bool copy_extra(struct work *work, const struct asst_extra *extra)
{
    size_t len = 0, at = 0;
    if (!extra || extra->count == 0) return true;
    for (size_t i = 0; i < extra->count; i++)
        len += extra->snippets[i].len;
    work->snippets = malloc(extra->count * sizeof *work->snippets);
    work->text = malloc(len + 1);
    if (!work->snippets || !work->text) return false;
    for (size_t i = 0; i < extra->count; i++) {
        const struct asst_snippet *from = &extra->snippets[i];
        work->snippets[i] = (struct asst_snippet){work->text + at, from->len, from->place};
        memcpy(work->text + at, from->text, from->len);
        at += from->len;
    }
    work->extra = (struct asst_extra){work->snippets, extra->count};
    work->request.extra = &work->extra;
    return true;
}

static enum eng_status prepare(void *state, const struct asst_request *request,
                               struct asst_tokens **tokens, void **out, struct eng_error *err)
{
    struct pair *pair = state;
    struct syn_error why = {"out of memory"};
    enum eng_status status = *tokens ? ENG_OK : asst_tokens_new(pair->taken.model, tokens, err);
    if (status != ENG_OK) {
        *tokens = NULL;
        return status;
    }
    struct work *work = calloc(1, sizeof *work);
    if (!work) return asst_from_syntax(SYN_NO_MEMORY, &why, err);
    work->loop = uv_thread_self();
    work->request = *request;
    work->request.tokens = asst_tokens_hold(*tokens);
    work->request.vocabulary = pair->taken.vocabulary;
    work->request.shelf = asst_shelf_hold(request->shelf);
    work->request.extra = NULL;
    enum syn_status copied = syn_document_copy(request->doc, &work->doc, &why);
    if (copied == SYN_OK && !copy_extra(work, request->extra)) copied = SYN_NO_MEMORY;
    work->request.doc = work->doc;
    if (copied != SYN_OK) {
        discard(state, work);
        return asst_from_syntax(copied, &why, err);
    }
    *out = work;
    return ENG_OK;
}

struct lsp_completer *lsp_completer_new(struct lsp_models *models)
{
    struct lsp_completer *completer = malloc(sizeof *completer);
    struct pair *pair = calloc(1, sizeof *pair);
    if (!completer || !pair) {
        free(completer);
        free(pair);
        return NULL;
    }
    pair->models = models;
    *completer = (struct lsp_completer){.state = pair,
                                        .load = load,
                                        .unload = unload,
                                        .complete = complete,
                                        .prefill = prefill,
                                        .shelve = shelve,
                                        .prepare = prepare,
                                        .discard = discard};
    return completer;
}

void lsp_completer_free(struct lsp_completer *completer)
{
    if (!completer) return;
    free(completer->state);
    free(completer);
}
