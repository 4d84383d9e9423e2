/* Reviews on a thread of their own.
 *
 * The loop hands over copies of documents and is handed findings; one mutex lies around both lists,
 * held for assignments. What runs looks at a flag that the loop sets when its text is out of date.
 */
#include "lsp/server/reviewer.h"

#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/resource.h>
#endif

#define NICENESS     10 /* of the thread, where threads have one */
#define OUTCOMES_MAX 256u

struct job {
    char *uri;
    uint64_t revision;
    struct syn_document *doc;
};

struct lsp_reviewer {
    lsp_reviewer_done done;
    void *user;
    uv_async_t wake_loop;
    uv_thread_t thread;
    bool started;
    struct lsp_rulebook *book, *own_book;

    uv_mutex_t mutex;
    uv_cond_t changed;
    bool stopping;
    struct job waiting[LSP_REVIEWER_WAITING]; /* the oldest first */
    size_t n_waiting;
    char *running; /* uri, or NULL */
    _Atomic int stop;
    struct lsp_reviewed outcomes[OUTCOMES_MAX];
    size_t n_outcomes;
};

static void free_job(struct job *job)
{
    syn_document_free(job->doc);
    free(job->uri);
}

static void free_reviewed(struct lsp_reviewed *reviewed)
{
    rev_findings_free(&reviewed->findings);
    free(reviewed->uri);
}

/* ---- The thread -------------------------------------------------------------------- */

static void review(struct lsp_reviewer *r, const struct job *job, struct lsp_reviewed *out)
{
    size_t len;
    syn_document_text(job->doc, &len);
    const struct rev_rules *rules =
        lsp_rulebook_of(r->book, syn_document_language(job->doc), &out->error);
    out->status = rules ? rev_review(rules, NULL, job->doc, 0, len, &out->findings, &out->error)
                        : SYN_NO_MEMORY;
}

/* Waits for a job. False when stopping. Mutex held. */
static bool take_job(struct lsp_reviewer *r, struct job *job)
{
    while (!r->stopping && (r->n_waiting == 0 || r->n_outcomes == OUTCOMES_MAX))
        uv_cond_wait(&r->changed, &r->mutex);
    if (r->stopping) return false;
    *job = r->waiting[0];
    memmove(r->waiting, r->waiting + 1, --r->n_waiting * sizeof *r->waiting);
    r->running = job->uri;
    r->stop = 0;
    return true;
}

static void thread_main(void *arg)
{
    struct lsp_reviewer *r = arg;
    struct job job;
#ifdef __linux__
    setpriority(PRIO_PROCESS, 0, NICENESS); /* of this thread alone */
#endif
    uv_mutex_lock(&r->mutex);
    while (take_job(r, &job)) {
        struct lsp_reviewed reviewed = {.uri = job.uri, .revision = job.revision};
        uv_mutex_unlock(&r->mutex);
        syn_document_set_stop(job.doc, &r->stop);
        review(r, &job, &reviewed);
        syn_document_free(job.doc);
        uv_mutex_lock(&r->mutex);
        r->running = NULL;
        r->outcomes[r->n_outcomes++] = reviewed;
        uv_async_send(&r->wake_loop);
    }
    uv_mutex_unlock(&r->mutex);
}

/* ---- The loop ---------------------------------------------------------------------- */

static void on_wake(uv_async_t *handle)
{
    struct lsp_reviewer *r = handle->data;
    for (;;) {
        struct lsp_reviewed reviewed;
        uv_mutex_lock(&r->mutex);
        bool any = r->n_outcomes > 0;
        if (any) {
            reviewed = r->outcomes[0];
            memmove(r->outcomes, r->outcomes + 1, --r->n_outcomes * sizeof *r->outcomes);
            uv_cond_signal(&r->changed);
        }
        uv_mutex_unlock(&r->mutex);
        if (!any) return;
        r->done(r->user, &reviewed);
        free_reviewed(&reviewed);
    }
}

bool lsp_reviewer_start(uv_loop_t *loop, struct lsp_rulebook *book, lsp_reviewer_done done,
                        void *user, struct lsp_reviewer **out, struct lsp_error *err)
{
    struct lsp_reviewer *r = calloc(1, sizeof *r);
    int status = r ? 0 : UV_ENOMEM;
    if (r && !book) book = r->own_book = lsp_rulebook_new();
    if (r && !book) status = UV_ENOMEM;
    if (status == 0) status = uv_mutex_init(&r->mutex);
    if (status == 0) status = uv_cond_init(&r->changed);
    if (status == 0) status = uv_async_init(loop, &r->wake_loop, on_wake);
    if (status) {
        if (r) lsp_rulebook_free(r->own_book);
        free(r);
        return lsp_fail(err, "reviews cannot be started: %s", uv_strerror(status));
    }
    r->book = book;
    r->done = done;
    r->user = user;
    r->wake_loop.data = r;
    uv_unref((uv_handle_t *)&r->wake_loop);
    *out = r;
    return true;
}

/* Mutex held. */
static void forget(struct lsp_reviewer *r, const char *uri)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->n_waiting; i++) {
        if (strcmp(r->waiting[i].uri, uri) == 0)
            free_job(&r->waiting[i]);
        else
            r->waiting[kept++] = r->waiting[i];
    }
    r->n_waiting = kept;
    if (r->running && strcmp(r->running, uri) == 0) r->stop = 1;
}

bool lsp_reviewer_post(struct lsp_reviewer *r, const char *uri, uint64_t revision,
                       struct syn_document *doc)
{
    struct job job = {strdup(uri), revision, doc};
    if (!job.uri || (!r->started && uv_thread_create(&r->thread, thread_main, r) != 0)) {
        free_job(&job);
        return false;
    }
    r->started = true;
    uv_mutex_lock(&r->mutex);
    forget(r, uri);
    if (r->n_waiting == LSP_REVIEWER_WAITING) {
        free_job(&r->waiting[0]);
        memmove(r->waiting, r->waiting + 1, --r->n_waiting * sizeof *r->waiting);
    }
    r->waiting[r->n_waiting++] = job;
    uv_cond_signal(&r->changed);
    uv_mutex_unlock(&r->mutex);
    return true;
}

void lsp_reviewer_drop(struct lsp_reviewer *r, const char *uri)
{
    uv_mutex_lock(&r->mutex);
    forget(r, uri);
    uv_mutex_unlock(&r->mutex);
}

void lsp_reviewer_stop(struct lsp_reviewer *r)
{
    if (!r) return;
    uv_mutex_lock(&r->mutex);
    r->stopping = true;
    r->stop = 1;
    uv_cond_signal(&r->changed);
    uv_mutex_unlock(&r->mutex);
    if (r->started) uv_thread_join(&r->thread);
    uv_close((uv_handle_t *)&r->wake_loop, NULL);
}

void lsp_reviewer_free(struct lsp_reviewer *r)
{
    if (!r) return;
    for (size_t i = 0; i < r->n_waiting; i++)
        free_job(&r->waiting[i]);
    for (size_t i = 0; i < r->n_outcomes; i++)
        free_reviewed(&r->outcomes[i]);
    lsp_rulebook_free(r->own_book);
    uv_cond_destroy(&r->changed);
    uv_mutex_destroy(&r->mutex);
    free(r);
}
