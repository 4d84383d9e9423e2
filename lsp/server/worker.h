/* worker.h: the inference thread.
 *
 * One thread runs one job at a time and hands each job's outcome back to the loop. There
 * is room for one waiting job of each kind, and the newest wins: posting takes the place of
 * a waiting job of the same kind, which then leaves no outcome. So memory and delay are
 * bounded however fast a client asks.
 *
 *   load      first in line; drops waiting work, cancels running work
 *   complete  before prefill; cancels running work of both kinds
 *   prefill   cancels a running prefill, never a completion
 *   shelve    last; cancels nothing, and is not cancelled, as it takes milliseconds
 *
 * Jobs and outcomes cross by value. Work inside a job belongs to the worker from post on;
 * texts inside an outcome belong to the callback's side.
 *
 * All functions are called by the loop thread.
 */
#ifndef ESPALIER_SERVER_WORKER_H
#define ESPALIER_SERVER_WORKER_H

#include "lsp/server/completer.h"

#include <uv.h>

enum lsp_job_kind {
    LSP_JOB_LOAD,
    LSP_JOB_COMPLETE,
    LSP_JOB_PREFILL,
    LSP_JOB_SHELVE,
    LSP_JOB_KINDS
};

struct lsp_job {
    enum lsp_job_kind kind;
    uint64_t ticket;                /* the poster's name for it; not 0 */
    void *work;                     /* LSP_JOB_COMPLETE and LSP_JOB_PREFILL */
    struct idx_texts *texts;        /* LSP_JOB_SHELVE: of malloc, the worker's from post on */
    struct lsp_model_choice choice; /* LSP_JOB_LOAD */
};

struct lsp_outcome {
    enum lsp_job_kind kind;
    uint64_t ticket;
    enum eng_status status;
    struct eng_error error;
    struct asst_result result;    /* LSP_JOB_COMPLETE; the receiver frees it */
    struct lsp_model_facts facts; /* LSP_JOB_LOAD */
    struct asst_shelf *shelf;     /* LSP_JOB_SHELVE; the receiver is its holder */
};

/* Called on the loop thread. */
typedef void (*lsp_worker_done)(void *user, struct lsp_outcome *outcome);

struct lsp_worker;

/* Starts the thread. completer must outlive the worker. */
bool lsp_worker_start(uv_loop_t *loop, const struct lsp_completer *completer, lsp_worker_done done,
                      void *user, struct lsp_worker **out, struct lsp_error *err);

void lsp_worker_post(struct lsp_worker *worker, const struct lsp_job *job);

/* Makes a running job end early (its outcome is ENG_CANCELLED unless it was done already)
 * and forgets a waiting one (no outcome). */
void lsp_worker_cancel(struct lsp_worker *worker, uint64_t ticket);

/* Cancels everything, unloads the model, ends the thread and begins to close the worker's
 * handle. Free the worker after the loop has run the handle's close. */
void lsp_worker_stop(struct lsp_worker *worker);
void lsp_worker_free(struct lsp_worker *worker);

#endif
