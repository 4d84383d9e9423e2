/* Reviews on a thread of their own.
 *
 * The loop hands over copies of documents and is handed findings; one mutex lies around both lists,
 * held for assignments. What runs looks at a flag that the loop sets when its text is out of date.
 */
#include "lsp/server/reviewer.h"
#include "lsp/server/adviser.h"

#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/resource.h>
#endif

#define NICENESS     10 /* of the thread, where threads have one */
#define OUTCOMES_MAX 256u
#define CALM_NS      UINT64_C(2000000000) /* without anything new, before the model is asked */

struct job {
    char *uri;
    uint64_t revision;
    struct syn_document *doc;
    bool accept;
};

struct lsp_reviewer {
    lsp_reviewer_done done;
    void *user;
    uv_async_t wake_loop;
    uv_thread_t thread;
    bool started;
    struct lsp_rulebook *book, *own_book;
    struct lsp_adviser *adviser; /* the thread's; NULL: no opinions */

    uv_mutex_t mutex;
    uv_cond_t changed;
    bool stopping;
    struct job waiting[LSP_REVIEWER_WAITING]; /* the oldest first */
    size_t n_waiting;
    char *running;                  /* uri, or NULL */
    struct lsp_model_choice choice; /* of the model that is to be asked */
    bool has_choice, choice_changed;
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

static void review(struct lsp_reviewer *r, const struct job *job,
                   const struct rev_opinions *opinions, struct lsp_reviewed *out)
{
    size_t len;
    syn_document_text(job->doc, &len);
    const struct rev_rules *rules =
        lsp_rulebook_of(r->book, syn_document_language(job->doc), &out->error);
    out->status =
        rules ? rev_review(rules, NULL, opinions, job->doc, 0, len, &out->findings, &out->error)
              : SYN_NO_MEMORY;
}

/* Mutex held, but while models change hands. */
static void take_choice(struct lsp_reviewer *r)
{
    struct lsp_model_choice choice = r->choice;
    bool has = r->has_choice;
    r->choice_changed = false;
    uv_mutex_unlock(&r->mutex);
    if (r->adviser) lsp_adviser_use(r->adviser, has ? &choice : NULL);
    uv_mutex_lock(&r->mutex);
}

/* Waits for a job. False when stopping. Mutex held. */
static bool take_job(struct lsp_reviewer *r, struct job *job)
{
    for (;;) {
        if (r->stopping) return false;
        if (r->choice_changed)
            take_choice(r);
        else if (r->n_waiting > 0 && r->n_outcomes < OUTCOMES_MAX)
            break;
        else
            uv_cond_wait(&r->changed, &r->mutex);
    }
    *job = r->waiting[0];
    memmove(r->waiting, r->waiting + 1, --r->n_waiting * sizeof *r->waiting);
    r->running = job->uri;
    r->stop = 0;
    return true;
}

/* True when nothing has come for a while. Mutex held. */
static bool is_calm(struct lsp_reviewer *r)
{
    uint64_t until = uv_hrtime() + CALM_NS, now;
    while (!r->stopping && !r->stop && r->n_waiting == 0 && !r->choice_changed &&
           (now = uv_hrtime()) < until)
        uv_cond_timedwait(&r->changed, &r->mutex, until - now);
    return !r->stopping && !r->stop && r->n_waiting == 0 && !r->choice_changed &&
           r->n_outcomes < OUTCOMES_MAX;
}

/* Mutex held. */
static void hand_over(struct lsp_reviewer *r, const struct lsp_reviewed *reviewed)
{
    r->outcomes[r->n_outcomes++] = *reviewed;
    uv_async_send(&r->wake_loop);
}

/* The same text once more, with the model. Mutex held, but while it works. */
static void ask_model(struct lsp_reviewer *r, const struct job *job, struct rev_opinions *opinions,
                      char *uri)
{
    struct lsp_reviewed reviewed = {.uri = uri, .revision = job->revision};
    if (!uri || !is_calm(r)) {
        free(uri);
        return;
    }
    uv_mutex_unlock(&r->mutex);
    opinions->remembered = opinions->accept = false;
    opinions->cancel = &r->stop;
    review(r, job, opinions, &reviewed);
    uv_mutex_lock(&r->mutex);
    hand_over(r, &reviewed);
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
        struct rev_opinions *opinions = lsp_adviser_opinions(r->adviser);
        char *again = opinions ? strdup(job.uri) : NULL;
        if (opinions) {
            opinions->remembered = true;
            opinions->accept = job.accept;
        }
        uv_mutex_unlock(&r->mutex);
        syn_document_set_stop(job.doc, &r->stop);
        review(r, &job, opinions, &reviewed);
        bool unasked = reviewed.findings.unasked > 0;
        uv_mutex_lock(&r->mutex);
        r->running = again;
        hand_over(r, &reviewed);
        if (unasked)
            ask_model(r, &job, opinions, again);
        else
            free(again);
        r->running = NULL;
        syn_document_free(job.doc);
    }
    uv_mutex_unlock(&r->mutex);
    lsp_adviser_free(r->adviser);
    r->adviser = NULL;
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

bool lsp_reviewer_start(uv_loop_t *loop, const struct lsp_reviewer_sources *sources,
                        lsp_reviewer_done done, void *user, struct lsp_reviewer **out,
                        struct lsp_error *err)
{
    struct lsp_rulebook *book = sources->book;
    struct lsp_reviewer *r = calloc(1, sizeof *r);
    int status = r ? 0 : UV_ENOMEM;
    if (r && !book) book = r->own_book = lsp_rulebook_new();
    if (r && sources->models) r->adviser = lsp_adviser_new(sources->models);
    if (r && (!book || (sources->models && !r->adviser))) status = UV_ENOMEM;
    if (status == 0) status = uv_mutex_init(&r->mutex);
    if (status == 0) status = uv_cond_init(&r->changed);
    if (status == 0) status = uv_async_init(loop, &r->wake_loop, on_wake);
    if (status) {
        if (r) lsp_rulebook_free(r->own_book);
        if (r) lsp_adviser_free(r->adviser);
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
    if (r->running && strcmp(r->running, uri) == 0) {
        r->stop = 1;
        uv_cond_signal(&r->changed);
    }
}

bool lsp_reviewer_is_full(struct lsp_reviewer *r)
{
    uv_mutex_lock(&r->mutex);
    bool full = r->n_waiting == LSP_REVIEWER_WAITING;
    uv_mutex_unlock(&r->mutex);
    return full;
}

bool lsp_reviewer_post(struct lsp_reviewer *r, const char *uri, uint64_t revision,
                       struct syn_document *doc, bool accept)
{
    struct job job = {strdup(uri), revision, doc, accept};
    if (!job.uri || (!r->started && uv_thread_create(&r->thread, thread_main, r) != 0)) {
        free_job(&job);
        return false;
    }
    r->started = true;
    uv_mutex_lock(&r->mutex);
    forget(r, uri);
    r->waiting[r->n_waiting++] = job;
    uv_cond_signal(&r->changed);
    uv_mutex_unlock(&r->mutex);
    return true;
}

void lsp_reviewer_use(struct lsp_reviewer *r, const struct lsp_model_choice *choice)
{
    uv_mutex_lock(&r->mutex);
    r->has_choice = choice != NULL;
    if (choice) r->choice = *choice;
    r->choice_changed = true;
    uv_cond_signal(&r->changed);
    uv_mutex_unlock(&r->mutex);
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
    lsp_adviser_free(r->adviser);
    lsp_rulebook_free(r->own_book);
    uv_cond_destroy(&r->changed);
    uv_mutex_destroy(&r->mutex);
    free(r);
}
