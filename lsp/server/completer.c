/* completer.c: assists on one model and one session.
 *
 * Owns the model and the session. The inference thread replaces them only while the loop
 * thread has no use for them: the loop forgets a model (and the token caches made from it)
 * before it asks for another, so prepare and load never meet.
 */
#include "lsp/server/completer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

struct pair {
    struct eng_model *model;
    struct eng_session *session;
    struct asst_vocabulary *vocabulary;
    char snapshot[LSP_MODEL_PATH_MAX];
};

/* The folder of the snapshot, and the one around it, which may be missing as well; for their owner
 * alone: token numbers tell what was edited. */
static void make_folder(const char *path)
{
    char folder[LSP_MODEL_PATH_MAX];
    for (int level = 2; level > 0; level--) {
        snprintf(folder, sizeof folder, "%s", path);
        for (int i = 0; i < level; i++) {
            char *slash = strrchr(folder, '/');
            if (!slash || slash == folder) return;
            *slash = 0;
        }
        mkdir(folder, 0700);
    }
}

/* What cannot be kept is evaluated again by the next server: no reason to complain. */
static void keep_sequences(const struct pair *pair)
{
    if (!pair->model || !pair->snapshot[0]) return;
    make_folder(pair->snapshot);
    eng_model_save_sequences(pair->model, pair->snapshot, NULL);
}

static void unload(void *state)
{
    struct pair *pair = state;
    eng_session_free(pair->session);
    asst_vocabulary_free(pair->vocabulary);
    keep_sequences(pair);
    if (pair->model) eng_model_close(pair->model);
    *pair = (struct pair){.model = NULL};
}

static void describe(const struct pair *pair, double load_ms, struct lsp_model_facts *facts)
{
    const struct eng_model_info *info = eng_model_info(pair->model);
    memset(facts, 0, sizeof *facts);
    snprintf(facts->name, sizeof facts->name, "%s", info->name);
    snprintf(facts->architecture, sizeof facts->architecture, "%s", info->architecture);
    snprintf(facts->weight_type, sizeof facts->weight_type, "%s", info->weight_type);
    snprintf(facts->kernels, sizeof facts->kernels, "%s", info->kernels);
    facts->parameters = info->parameters;
    facts->file_bytes = info->file_bytes;
    facts->session_bytes = eng_session_bytes(pair->session);
    facts->context = info->context;
    facts->load_ms = load_ms;
}

static enum eng_status load(void *state, const struct lsp_model_choice *choice,
                            struct lsp_model_facts *facts, struct eng_error *err)
{
    struct pair *pair = state;
    uint64_t start = uv_hrtime(); /* ns */
    unload(pair);
    struct eng_model_options options = {.threads = choice->threads,
                                        .cache_bytes = (uint64_t)choice->cache_megabytes << 20,
                                        .policy = choice->attention};
    enum eng_status status = eng_model_open(choice->path, &options, &pair->model, err);
    if (status != ENG_OK) {
        pair->model = NULL;
        return status;
    }
    /* No more cache than prompts can fill: a model's own context may be huge. */
    struct asst_prompt_options sizes;
    asst_prompt_defaults(pair->model, &sizes);
    status = eng_session_new(pair->model, sizes.budget, &pair->session, err);
    if (status != ENG_OK) pair->session = NULL;
    if (status == ENG_OK) status = asst_vocabulary_new(pair->model, &pair->vocabulary, err);
    if (status != ENG_OK) {
        unload(pair);
        return status;
    }
    size_t warm = 0;
    snprintf(pair->snapshot, sizeof pair->snapshot, "%s", choice->snapshot);
    if (pair->snapshot[0]) eng_model_load_sequences(pair->model, pair->snapshot, &warm, NULL);
    describe(pair, (double)(uv_hrtime() - start) / 1e6, facts);
    facts->warm = (uint32_t)warm;
    return ENG_OK;
}

static enum eng_status complete(void *state, void *work, eng_cancel *cancel,
                                struct asst_result *out, struct eng_error *err)
{
    struct pair *pair = state;
    return asst_complete_run(pair->session, work, cancel, out, err);
}

static enum eng_status prefill(void *state, void *work, eng_cancel *cancel, struct eng_error *err)
{
    struct pair *pair = state;
    return asst_complete_prefill(pair->session, work, cancel, err);
}

static enum eng_status prepare(void *state, const struct asst_request *request,
                               struct asst_tokens **tokens, void **work, struct eng_error *err)
{
    struct pair *pair = state;
    if (!*tokens) {
        enum eng_status status = asst_tokens_new(pair->model, tokens, err);
        if (status != ENG_OK) {
            *tokens = NULL;
            return status;
        }
    }
    struct asst_request own = *request;
    own.tokens = *tokens;
    own.vocabulary = pair->vocabulary;
    struct asst_job *job = NULL;
    enum eng_status status = asst_complete_prepare(pair->model, &own, &job, err);
    *work = job;
    return status;
}

static void discard(void *state, void *work)
{
    (void)state;
    asst_job_free(work);
}

struct lsp_completer *lsp_completer_new(void)
{
    struct lsp_completer *completer = malloc(sizeof *completer);
    struct pair *pair = calloc(1, sizeof *pair);
    if (!completer || !pair) {
        free(completer);
        free(pair);
        return NULL;
    }
    *completer = (struct lsp_completer){.state = pair,
                                        .load = load,
                                        .unload = unload,
                                        .complete = complete,
                                        .prefill = prefill,
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
