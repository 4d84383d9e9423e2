/* worker.c: one thread, a slot for a waiting job of each kind, a ring of outcomes.
 *
 * Everything shared lies behind one mutex that is held for a few assignments at a time;
 * the only thing read without it is the running job's cancel flag, which is atomic. The
 * worker does not know what a request is: tickets come from the loop and go back to it.
 *
 * The ring can fill up only while the loop is busy; the thread then waits for it, and the
 * loop never waits for the thread but in lsp_worker_stop, which empties the way first.
 */
#include "lsp/server/worker.h"

#include <stdlib.h>
#include <string.h>

#define RING 16u

struct lsp_worker {
    const struct lsp_completer *completer;
    lsp_worker_done done;
    void *user;
    uv_thread_t thread;
    uv_async_t wake_loop;

    uv_mutex_t mutex;
    uv_cond_t changed; /* a job came, an outcome was taken, or stopping */
    bool stopping;
    struct lsp_job waiting[LSP_JOB_KINDS]; /* ticket 0: empty */
    struct {
        enum lsp_job_kind kind;
        uint64_t ticket; /* 0: idle */
        eng_cancel cancel;
    } running;
    struct lsp_outcome ring[RING];
    size_t ring_start, ring_count;
};

/* ---- The inference thread ---------------------------------------------------------- */

static void free_job(const struct lsp_completer *completer, const struct lsp_job *job)
{
    if (job->work) completer->discard(completer->state, job->work);
    if (job->texts) idx_texts_free(job->texts);
    free(job->texts);
}

static void free_outcome(struct lsp_outcome *outcome)
{
    asst_result_free(&outcome->result);
    asst_shelf_release(outcome->shelf);
}

static void run_job(struct lsp_worker *worker, const struct lsp_job *job,
                    struct lsp_outcome *outcome)
{
    const struct lsp_completer *completer = worker->completer;
    eng_cancel *cancel = &worker->running.cancel;
    memset(outcome, 0, sizeof *outcome);
    outcome->kind = job->kind;
    outcome->ticket = job->ticket;
    switch (job->kind) {
    case LSP_JOB_LOAD:
        outcome->status =
            completer->load(completer->state, &job->choice, &outcome->facts, &outcome->error);
        break;
    case LSP_JOB_COMPLETE:
        outcome->status = completer->complete(completer->state, job->work, cancel, &outcome->result,
                                              &outcome->error);
        break;
    case LSP_JOB_SHELVE:
        outcome->status =
            completer->shelve(completer->state, job->texts, &outcome->shelf, &outcome->error);
        break;
    default:
        outcome->status = completer->prefill(completer->state, job->work, cancel, &outcome->error);
        break;
    }
    free_job(completer, job);
}

/* Waits for a job and marks it as running. False when stopping. Mutex held. */
static bool take_job(struct lsp_worker *worker, struct lsp_job *job)
{
    while (!worker->stopping) {
        for (int kind = 0; kind < LSP_JOB_KINDS; kind++) {
            if (worker->waiting[kind].ticket == 0) continue;
            *job = worker->waiting[kind];
            worker->waiting[kind].ticket = 0;
            worker->running.kind = job->kind;
            worker->running.ticket = job->ticket;
            worker->running.cancel = 0;
            return true;
        }
        uv_cond_wait(&worker->changed, &worker->mutex);
    }
    return false;
}

/* Mutex held. */
static void put_outcome(struct lsp_worker *worker, struct lsp_outcome *outcome)
{
    while (worker->ring_count == RING && !worker->stopping)
        uv_cond_wait(&worker->changed, &worker->mutex);
    if (worker->stopping) {
        free_outcome(outcome);
        return;
    }
    worker->ring[(worker->ring_start + worker->ring_count++) % RING] = *outcome;
    uv_async_send(&worker->wake_loop);
}

static void thread_main(void *arg)
{
    struct lsp_worker *worker = arg;
    struct lsp_job job;
    struct lsp_outcome outcome;
    uv_mutex_lock(&worker->mutex);
    while (take_job(worker, &job)) {
        uv_mutex_unlock(&worker->mutex);
        run_job(worker, &job, &outcome);
        uv_mutex_lock(&worker->mutex);
        worker->running.ticket = 0;
        put_outcome(worker, &outcome);
    }
    uv_mutex_unlock(&worker->mutex);
    worker->completer->unload(worker->completer->state);
}

/* ---- The loop thread --------------------------------------------------------------- */

/* The next outcome, or false when there is none. */
static bool take_outcome(struct lsp_worker *worker, struct lsp_outcome *outcome)
{
    uv_mutex_lock(&worker->mutex);
    bool any = worker->ring_count > 0;
    if (any) {
        *outcome = worker->ring[worker->ring_start];
        worker->ring_start = (worker->ring_start + 1) % RING;
        worker->ring_count--;
        uv_cond_signal(&worker->changed);
    }
    uv_mutex_unlock(&worker->mutex);
    return any;
}

static void on_wake(uv_async_t *handle)
{
    struct lsp_worker *worker = handle->data;
    struct lsp_outcome outcome;
    while (take_outcome(worker, &outcome))
        worker->done(worker->user, &outcome);
}

/* Mutex held. */
static void forget_waiting(struct lsp_worker *worker, enum lsp_job_kind kind)
{
    struct lsp_job *job = &worker->waiting[kind];
    if (job->ticket) free_job(worker->completer, job);
    job->ticket = 0;
}

void lsp_worker_post(struct lsp_worker *worker, const struct lsp_job *job)
{
    uv_mutex_lock(&worker->mutex);
    if (job->kind == LSP_JOB_LOAD) forget_waiting(worker, LSP_JOB_COMPLETE);
    if (job->kind == LSP_JOB_LOAD) forget_waiting(worker, LSP_JOB_SHELVE);
    if (job->kind < LSP_JOB_PREFILL) forget_waiting(worker, LSP_JOB_PREFILL);
    forget_waiting(worker, job->kind);
    worker->waiting[job->kind] = *job;
    if (worker->running.ticket &&
        (job->kind < LSP_JOB_PREFILL ||
         (job->kind == LSP_JOB_PREFILL && worker->running.kind == LSP_JOB_PREFILL)))
        worker->running.cancel = 1;
    uv_cond_signal(&worker->changed);
    uv_mutex_unlock(&worker->mutex);
}

void lsp_worker_cancel(struct lsp_worker *worker, uint64_t ticket)
{
    uv_mutex_lock(&worker->mutex);
    for (int kind = 0; kind < LSP_JOB_KINDS; kind++)
        if (worker->waiting[kind].ticket == ticket) forget_waiting(worker, kind);
    if (worker->running.ticket == ticket) worker->running.cancel = 1;
    uv_mutex_unlock(&worker->mutex);
}

bool lsp_worker_start(uv_loop_t *loop, const struct lsp_completer *completer, lsp_worker_done done,
                      void *user, struct lsp_worker **out, struct lsp_error *err)
{
    struct lsp_worker *worker = calloc(1, sizeof *worker);
    if (!worker) return lsp_fail(err, "out of memory");
    worker->completer = completer;
    worker->done = done;
    worker->user = user;
    int status = uv_async_init(loop, &worker->wake_loop, on_wake);
    if (status) {
        free(worker);
        return lsp_fail(err, "cannot start the inference thread: %s", uv_strerror(status));
    }
    worker->wake_loop.data = worker;
    *out = worker; /* from here on the loop knows the handle: stop and free it as usual */
    uv_mutex_init(&worker->mutex);
    uv_cond_init(&worker->changed);
    status = uv_thread_create(&worker->thread, thread_main, worker);
    if (status) {
        worker->stopping = true;
        return lsp_fail(err, "cannot start the inference thread: %s", uv_strerror(status));
    }
    return true;
}

void lsp_worker_stop(struct lsp_worker *worker)
{
    if (!worker) return;
    if (!worker->stopping) {
        uv_mutex_lock(&worker->mutex);
        worker->stopping = true;
        worker->running.cancel = 1;
        for (int kind = 0; kind < LSP_JOB_KINDS; kind++)
            forget_waiting(worker, kind);
        uv_cond_signal(&worker->changed);
        uv_mutex_unlock(&worker->mutex);
        uv_thread_join(&worker->thread);
    }
    struct lsp_outcome outcome;
    while (take_outcome(worker, &outcome))
        free_outcome(&outcome);
    uv_close((uv_handle_t *)&worker->wake_loop, NULL);
}

void lsp_worker_free(struct lsp_worker *worker)
{
    if (!worker) return;
    uv_mutex_destroy(&worker->mutex);
    uv_cond_destroy(&worker->changed);
    free(worker);
}
