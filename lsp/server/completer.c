/* completer.c: assists on a model that others may use as well, and a session of its own.
 *
 * Owns the session and holds the model. The inference thread replaces them only while the loop
 * thread has no use for them: the loop forgets a model (and the token caches made from it)
 * before it asks for another, so prepare and load never meet.
 */
#include "lsp/server/completer.h"
#include "lsp/server/models.h"

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

/* Who waits for a completion goes before the prompts that others may want soon. */
static enum eng_status complete(void *state, void *work, eng_cancel *cancel,
                                struct asst_result *out, struct eng_error *err)
{
    struct pair *pair = state;
    eng_session_set_priority(pair->session, ENG_PRIORITY_TYPING);
    return asst_complete_run(pair->session, work, cancel, out, err);
}

static enum eng_status prefill(void *state, void *work, eng_cancel *cancel, struct eng_error *err)
{
    struct pair *pair = state;
    eng_session_set_priority(pair->session, ENG_PRIORITY_REVIEW);
    return asst_complete_prefill(pair->session, work, cancel, err);
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

static enum eng_status prepare(void *state, const struct asst_request *request,
                               struct asst_tokens **tokens, void **work, struct eng_error *err)
{
    struct pair *pair = state;
    if (!*tokens) {
        enum eng_status status = asst_tokens_new(pair->taken.model, tokens, err);
        if (status != ENG_OK) {
            *tokens = NULL;
            return status;
        }
    }
    struct asst_request own = *request;
    own.tokens = *tokens;
    own.vocabulary = pair->taken.vocabulary;
    struct asst_job *job = NULL;
    enum eng_status status = asst_complete_prepare(pair->taken.model, &own, &job, err);
    *work = job;
    return status;
}

static void discard(void *state, void *work)
{
    (void)state;
    asst_job_free(work);
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
