/* completer.h: what the server needs from a model, as some functions.
 *
 * The server's own completer joins lsp/assist to an eng_session; tests put a predictable
 * one in its place. prepare and discard run on the loop thread (discard on either), all
 * others on the inference thread, which calls load before any of them.
 *
 * A piece of work is made by prepare, owned by whoever holds it, and ends in discard. It
 * shares nothing with the document, so documents may change while it runs. prepare copies and no
 * more: what parses or tokenises, and so may take long, is complete's and prefill's.
 */
#ifndef ESPALIER_SERVER_COMPLETER_H
#define ESPALIER_SERVER_COMPLETER_H

#include "lsp/assist/complete.h"
#include "lsp/assist/tokens.h"
#include "lsp/index/near.h"
#include "lsp/server/error.h"

#define LSP_MODEL_PATH_MAX 4096

struct lsp_model_choice {
    char path[LSP_MODEL_PATH_MAX];
    int threads; /* 0: the engine's choice */
    int cache_megabytes;
    struct eng_policy attention;
    char snapshot[LSP_MODEL_PATH_MAX]; /* where evaluated sequences outlive the process; "": nowhere
                                        */
};

/* What is told about a loaded model; a copy, as the model may go at any time. */
struct lsp_model_facts {
    char name[128], architecture[32], weight_type[16], kernels[16];
    uint64_t parameters, file_bytes, session_bytes;
    uint32_t context;
    uint32_t warm; /* sequences that were found on disk */
    double load_ms;
    double least_confidence; /* as the model file says; 0: it does not */
};

struct lsp_completer {
    void *state;

    /* Inference thread. Replaces the loaded model, if any; on failure none is loaded. */
    enum eng_status (*load)(void *state, const struct lsp_model_choice *choice,
                            struct lsp_model_facts *facts, struct eng_error *err);
    void (*unload)(void *state);
    enum eng_status (*complete)(void *state, void *work, eng_cancel *cancel,
                                struct asst_result *out, struct eng_error *err);
    enum eng_status (*prefill)(void *state, void *work, eng_cancel *cancel, struct eng_error *err);
    /* What files near by say, for requests. */
    enum eng_status (*shelve)(void *state, const struct idx_texts *texts, struct asst_shelf **out,
                              struct eng_error *err);

    /* Loop thread, only while the loop knows that a model is loaded. request->tokens and
     * ->vocabulary are ignored, ->sizes and ->recall have to be NULL; *tokens is the document's
     * cache, made here when NULL, and from then on the inference thread's, but to be freed. */
    enum eng_status (*prepare)(void *state, const struct asst_request *request,
                               struct asst_tokens **tokens, void **work, struct eng_error *err);
    void (*discard)(void *state, void *work);
};

/* The real one, which takes its models there. NULL when out of memory. */
struct lsp_models;
struct lsp_completer *lsp_completer_new(struct lsp_models *models);
void lsp_completer_free(struct lsp_completer *completer); /* after unload; takes NULL */

#endif
