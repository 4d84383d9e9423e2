/* feedback.h: what becomes of suggestions, written down.
 *
 * Follows each suggestion that is answered to its end (shown.h), and has it added to the history
 * (lsp/history) by libuv's worker threads, several at a time: the loop never waits for a disk. What
 * cannot be written is dropped and said once. Nothing is written while history.enabled is false.
 *
 * Belongs to the loop thread.
 */
#ifndef ESPALIER_SERVER_FEEDBACK_H
#define ESPALIER_SERVER_FEEDBACK_H

#include "lsp/config.h"
#include "lsp/history/history.h"

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
    bool busy, failed;
    bool write_failed;     /* the worker's while busy, too: the last write */
    struct hist_error err; /* and why */
    char path[LSP_CONFIG_PATH_MAX];
    uv_timer_t timer;
    uv_work_t work;
};

struct lsp_document;

void lsp_feedback_init(struct lsp_server *server);

/* What is shown in the document from now on is followed. */
void lsp_feedback_follow(struct lsp_server *server, struct lsp_document *document,
                         double confidence, double latency_ms, bool asked);

/* No more waiting: the loop is about to end. */
void lsp_feedback_close(struct lsp_server *server);

/* After the loop and the documents: writes what is left. */
void lsp_feedback_finish(struct lsp_server *server);

#endif
