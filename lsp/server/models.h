/* models.h: the models of a process, each opened once however many clients use it.
 *
 * Clients that choose the same file with the same options get the same model, and with it one set
 * of weights, one pool of compute threads, which serves several at once, and one cache of evaluated
 * sequences. A model that nobody uses any more stays until somebody takes another one, so that a
 * window that is opened again finds it warm; it is closed, and its sequences written to disk, then
 * or at the end.
 *
 * Any thread; who takes waits while another model is being opened.
 */
#ifndef ESPALIER_SERVER_MODELS_H
#define ESPALIER_SERVER_MODELS_H

#include "lsp/assist/follow.h"
#include "lsp/server/completer.h"

struct lsp_models;

/* NULL when out of memory. Free it when everything was released. */
struct lsp_models *lsp_models_new(void);
void lsp_models_free(struct lsp_models *models); /* takes NULL */

struct lsp_taken_model {
    const struct eng_model *model;
    const struct asst_vocabulary *vocabulary;
    uint32_t warm; /* sequences that were found on disk when it was opened */
};

/* Opens what nobody has opened yet. The snapshot is that of whoever came first. A file that was
 * replaced since is another model. */
enum eng_status lsp_models_take(struct lsp_models *models, const struct lsp_model_choice *choice,
                                struct lsp_taken_model *out, struct eng_error *err);

/* After all sessions on it. */
void lsp_models_release(struct lsp_models *models, const struct eng_model *model);

bool lsp_same_policy(const struct eng_policy *a, const struct eng_policy *b);

#endif
