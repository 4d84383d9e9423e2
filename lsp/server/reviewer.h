/* reviewer.h: the thread that reviews documents, by rules and, when nothing has come for a while,
 * with the opinions of a model.
 *
 * One thread, started with the first document that is posted, runs one review at a time at a low
 * priority: typing comes first. Of a document only the newest text waits; a review of an older one
 * that is under way is stopped. Rules are compiled when a language comes up first (rulebook.h).
 *
 * Copies of documents belong to the thread from post on, findings to the callback's side; the rules
 * they point to live as long as the book.
 *
 * All functions are called by the loop thread.
 */
#ifndef ESPALIER_SERVER_REVIEWER_H
#define ESPALIER_SERVER_REVIEWER_H

#include "lsp/assist/review/review.h"
#include "lsp/server/completer.h"
#include "lsp/server/error.h"
#include "lsp/server/rulebook.h"

#include <uv.h>

#define LSP_REVIEWER_WAITING 64u /* documents */

struct lsp_reviewed {
    char *uri;
    uint64_t revision;
    enum syn_status status;
    struct syn_error error;
    struct rev_findings findings;
};

/* Called on the loop thread; twice for one text where there are opinions. What reviewed holds is
 * freed behind it, but for findings that the receiver has taken (and left empty). */
typedef void (*lsp_reviewer_done)(void *user, struct lsp_reviewed *reviewed);

struct lsp_reviewer;

/* What of the process outlives the reviewer. */
struct lsp_reviewer_sources {
    struct lsp_rulebook *book; /* NULL: its own */
    struct lsp_models *models; /* NULL: no opinions */
};

bool lsp_reviewer_start(uv_loop_t *loop, const struct lsp_reviewer_sources *sources,
                        lsp_reviewer_done done, void *user, struct lsp_reviewer **out,
                        struct lsp_error *err);

/* As many wait as can. */
bool lsp_reviewer_is_full(struct lsp_reviewer *reviewer);

/* doc: a parsed copy, taken over. accept: the model is to be asked only about functions that are no
 * longer as they are in it. Not when it is full. False when memory, or threads, ran out. */
bool lsp_reviewer_post(struct lsp_reviewer *reviewer, const char *uri, uint64_t revision,
                       struct syn_document *doc, bool accept);

/* From now on the opinions of this model are asked for; NULL: of none. It has been opened, or will
 * be: the thread takes it when it is next in need of it. A model that has no head (head.h) has
 * none. */
void lsp_reviewer_use(struct lsp_reviewer *reviewer, const struct lsp_model_choice *choice);

/* Forgets what waits of this document, and stops what runs. */
void lsp_reviewer_drop(struct lsp_reviewer *reviewer, const char *uri);

/* Ends the thread and begins to close the handle; free after the loop has run the handle's close.
 * Both take NULL. */
void lsp_reviewer_stop(struct lsp_reviewer *reviewer);
void lsp_reviewer_free(struct lsp_reviewer *reviewer);

#endif
