/* adviser.h: the model that a reviewer asks for its opinions, and what it has said.
 *
 * Belongs to the reviewer's thread. The model is the one that completes, shared (models.h); without
 * a head beside its file there are no opinions.
 */
#ifndef ESPALIER_SERVER_ADVISER_H
#define ESPALIER_SERVER_ADVISER_H

#include "lsp/assist/review/review.h"
#include "lsp/server/completer.h"

struct lsp_models;
struct lsp_adviser;

/* models: of the process. NULL when out of memory. */
struct lsp_adviser *lsp_adviser_new(struct lsp_models *models);
void lsp_adviser_free(struct lsp_adviser *adviser); /* takes NULL */

/* Lets go of the model that it has and takes this one; NULL: none. What went wrong leaves it
 * without one. */
void lsp_adviser_use(struct lsp_adviser *adviser, const struct lsp_model_choice *choice);

/* What rev_review wants, its cancel and remembered to be set by the caller; NULL: no opinions. */
struct rev_opinions *lsp_adviser_opinions(struct lsp_adviser *adviser);

#endif
