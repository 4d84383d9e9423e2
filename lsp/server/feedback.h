/* feedback.h: what becomes of suggestions, written down.
 *
 * Follows each suggestion that is answered to its end (shown.h), and has it added to the history
 * (lsp/history) by libuv's worker threads, several at a time: the loop never waits for a disk. What
 * cannot be written is dropped and said once. Nothing is written while history.enabled is false.
 *
 * What is written down is used: with the model, and after each write, the show-or-hide filter
 * (lsp/history/filter.h) is learned anew.
 *
 * Belongs to the loop thread.
 */
#ifndef ESPALIER_SERVER_FEEDBACK_H
#define ESPALIER_SERVER_FEEDBACK_H

#include "lsp/config.h"
#include "lsp/history/filter.h"

#include <uv.h>

#define LSP_FEEDBACK_MAX 128u

struct lsp_server;

struct lsp_feedback_row {
    struct hist_suggestion suggestion;
    char model[128];
};

struct lsp_feedback {
    struct lsp_feedback_row waiting[LSP_FEEDBACK_MAX], writing[LSP_FEEDBACK_MAX];
    size_t n_waiting, n_writing;
    struct history *history; /* the worker's while busy */
    bool busy, failed, learn_again;
    bool write_failed;     /* the worker's while busy, too: the last write */
    struct hist_error err; /* and why */
    char learn_model[128]; /* the worker's while busy: whose outcomes to learn from; "": of none */
    struct hist_filter learned, filter; /* the worker's while busy; the one in use */
    char path[LSP_CONFIG_PATH_MAX];
    uv_timer_t timer;
    uv_work_t work;
};

struct lsp_document;

void lsp_feedback_init(struct lsp_server *server);

/* What is shown in the document from now on is followed. */
void lsp_feedback_follow(struct lsp_server *server, struct lsp_document *document,
                         double confidence, double latency_ms, bool asked);

/* A model was loaded: its filter is learned soon, where there is a history. */
void lsp_feedback_learn(struct lsp_server *server);

/* The confidence below which suggestions are not shown; negative: as the model file says. */
double lsp_feedback_threshold(const struct lsp_server *server);

/* No more waiting: the loop is about to end. */
void lsp_feedback_close(struct lsp_server *server);

/* After the loop and the documents: writes what is left. */
void lsp_feedback_finish(struct lsp_server *server);

#endif
