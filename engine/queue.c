/* The queue: a list of requests in the order they came, and a leader.
 *
 * Everything is behind one mutex, which the leader leaves while its pass runs. What a pass is asked
 * between layers, whether to go on, is answered from atomics: the flags of its own requests, and
 * the number of the most urgent one that waits.
 *
 * Deliberately absent: threads of its own, and fairness between sessions of the same urgency beyond
 * their order: there are a few windows of one user.
 */
#if defined(__linux__)
#define _GNU_SOURCE /* pthread_condattr_setclock */
#endif
#include "engine/queue.h"
#include "engine/allocation.h"
#include "engine/error.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Threads whose last decoded token is remembered, for waiting. */
#define RECENT 16u

struct recent {
    const void *owner;
    int priority;
    int64_t at; /* ns */
};

struct eng_queue {
    const struct eng_model *model;
    int64_t wait; /* ns */

    pthread_mutex_t mutex;
    pthread_cond_t changed; /* a request came or is done, or nobody leads any more */
    struct eng_request *first, **end;
    bool led;
    struct recent recent[RECENT];
    _Atomic int most_urgent; /* of the requests that wait; ENG_PRIORITIES for none */
};

/* What a running pass is asked. */
struct running {
    struct eng_queue *queue;
    struct eng_request *request[ENG_SPANS];
    size_t n;
    int priority;
};

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

enum eng_status eng_queue_new(const struct eng_model *model, uint32_t wait_us,
                              struct eng_queue **out, struct eng_error *err)
{
    struct eng_queue *q = *out = calloc(1, sizeof *q);
    if (!q) return eng_fail(err, ENG_NO_MEMORY, "out of memory for a queue");
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&q->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&q->mutex, NULL);
    q->model = model;
    q->wait = (int64_t)wait_us * 1000;
    q->end = &q->first;
    atomic_store(&q->most_urgent, ENG_PRIORITIES);
    return ENG_OK;
}

void eng_queue_free(struct eng_queue *queue)
{
    if (!queue) return;
    pthread_mutex_destroy(&queue->mutex);
    pthread_cond_destroy(&queue->changed);
    free(queue);
}

/* ---- What comes next (mutex held) ---------------------------------------------------- */

static int priority_of(const struct eng_request *request)
{
    return atomic_load_explicit(&request->session->priority, memory_order_relaxed);
}

static bool is_cancelled(const struct eng_request *request)
{
    return request->cancel && atomic_load_explicit(request->cancel, memory_order_relaxed);
}

static void note_most_urgent(struct eng_queue *q)
{
    int most = ENG_PRIORITIES;
    for (const struct eng_request *r = q->first; r; r = r->next)
        if (r->state == ENG_REQUEST_WAITS && priority_of(r) < most) most = priority_of(r);
    atomic_store(&q->most_urgent, most);
}

static struct eng_request *first_of(const struct eng_queue *q)
{
    struct eng_request *first = NULL;
    for (struct eng_request *r = q->first; r; r = r->next)
        if (r->state == ENG_REQUEST_WAITS && (!first || priority_of(r) < priority_of(first)))
            first = r;
    return first;
}

static size_t logit_rows(const struct eng_request *request)
{
    return request->rows - request->logits_from;
}

/* Fills a pass: the first request, and those of its kind that there is room for. */
static void collect(const struct eng_queue *q, struct running *running)
{
    struct eng_request *first = first_of(q);
    const struct eng_pass *pass = q->model->pass;
    size_t rows = first->rows, logits = logit_rows(first);
    running->request[0] = first;
    running->n = 1;
    running->priority = priority_of(first);
    if (q->model->blas || logits > ENG_LOGIT_ROWS) return; /* one sequence at a time */
    for (struct eng_request *r = q->first; r && running->n < ENG_SPANS; r = r->next) {
        bool fits = r->prefill == first->prefill && rows + r->rows <= pass->chunk &&
                    logits + logit_rows(r) <= ENG_LOGIT_ROWS;
        bool comes = !r->prefill || priority_of(r) == running->priority;
        if (r == first || r->state != ENG_REQUEST_WAITS || !fits || !comes) continue;
        running->request[running->n++] = r;
        rows += r->rows;
        logits += logit_rows(r);
    }
}

/* Whether a thread that had a decoded token a moment ago, and is as urgent, has not asked for its
 * next one yet. */
static bool others_decode(const struct eng_queue *q, int priority, int64_t time)
{
    for (size_t i = 0; i < RECENT; i++) {
        bool waits = false;
        if (!q->recent[i].owner || time - q->recent[i].at > q->wait) continue;
        if (q->recent[i].priority > priority) continue;
        for (const struct eng_request *r = q->first; r && !waits; r = r->next)
            waits = r->owner == q->recent[i].owner;
        if (!waits) return true;
    }
    return false;
}

static size_t waiting_tokens(const struct eng_queue *q)
{
    size_t n = 0;
    for (const struct eng_request *r = q->first; r; r = r->next)
        n += r->state == ENG_REQUEST_WAITS && !r->prefill;
    return n;
}

/* Waits for the next tokens of threads that decode beside the first request's, if that decodes. */
static void wait_for_others(struct eng_queue *q)
{
    int64_t start = now(), time = start;
    while (q->wait > 0 && !q->model->blas && !first_of(q)->prefill && time - start < q->wait) {
        if (is_cancelled(first_of(q))) return;
        if (!others_decode(q, priority_of(first_of(q)), time) || waiting_tokens(q) >= ENG_SPANS)
            return;
        int64_t until = start + q->wait;
        struct timespec deadline = {until / 1000000000, until % 1000000000};
        pthread_cond_timedwait(&q->changed, &q->mutex, &deadline);
        time = now();
    }
}

static void remember(struct eng_queue *q, const struct eng_request *request, int64_t time)
{
    size_t at = 0;
    for (size_t i = 0; i < RECENT; i++) {
        if (q->recent[i].owner == request->owner) {
            at = i;
            break;
        }
        if (q->recent[i].at < q->recent[at].at) at = i;
    }
    q->recent[at] = (struct recent){request->owner, priority_of(request), time};
}

/* ---- Leading --------------------------------------------------------------------------- */

static bool go_on(void *user)
{
    const struct running *running = user;
    for (size_t i = 0; i < running->n; i++)
        if (is_cancelled(running->request[i])) return false;
    bool gives_way = running->request[0]->prefill;
    return !gives_way || atomic_load(&running->queue->most_urgent) >= running->priority;
}

static enum eng_status run_pass(struct running *running)
{
    const struct eng_model *model = running->queue->model;
    struct eng_pass *pass = model->pass;
    eng_pool_enter(model->pool);
    eng_forbid_allocation();
    pass->n_spans = running->n;
    pass->rows = 0;
    for (size_t i = 0; i < running->n; i++) {
        const struct eng_request *r = running->request[i];
        pass->span[i] = (struct eng_span){.session = r->session,
                                          .position = r->session->length,
                                          .rows = r->rows,
                                          .first = pass->rows,
                                          .again = r->again,
                                          .logits_from = r->logits_from,
                                          .logits = r->logits};
        pass->rows += r->rows;
    }
    enum eng_status status = eng_forward(pass, running->request[0]->prefill, go_on, running);
    eng_allow_allocation();
    eng_pool_leave(model->pool);
    return status;
}

/* One pass, or the end of requests that were cancelled. Mutex held, and left while it runs. */
static void lead(struct eng_queue *q)
{
    struct running running = {.queue = q};
    wait_for_others(q);
    collect(q, &running);
    for (size_t i = 0; i < running.n; i++)
        running.request[i]->state = ENG_REQUEST_RUNS;
    note_most_urgent(q);
    pthread_mutex_unlock(&q->mutex);
    enum eng_status status = run_pass(&running);
    pthread_mutex_lock(&q->mutex);
    int64_t time = now();
    for (size_t i = 0; i < running.n; i++) {
        struct eng_request *r = running.request[i];
        if (status == ENG_OK && !r->prefill) remember(q, r, time);
        r->status = is_cancelled(r) && status != ENG_OK ? ENG_CANCELLED : status;
        r->state = status == ENG_OK || is_cancelled(r) ? ENG_REQUEST_DONE : ENG_REQUEST_WAITS;
    }
    note_most_urgent(q);
}

static bool all_done(const struct eng_request *requests, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (requests[i].state != ENG_REQUEST_DONE) return false;
    return true;
}

static void take_out(struct eng_queue *q, const struct eng_request *requests, size_t n)
{
    struct eng_request **at = &q->first;
    while (*at) {
        if (*at >= requests && *at < requests + n)
            *at = (*at)->next;
        else
            at = &(*at)->next;
    }
    q->end = at;
}

enum eng_status eng_queue_run(struct eng_queue *q, struct eng_request *requests, size_t n,
                              eng_cancel *cancel)
{
    static _Thread_local char thread; /* its address names the thread */
    enum eng_status status = ENG_OK;
    pthread_mutex_lock(&q->mutex);
    for (size_t i = 0; i < n; i++) {
        requests[i].owner = &thread;
        requests[i].state = ENG_REQUEST_WAITS;
        requests[i].cancel = cancel;
        requests[i].next = NULL;
        *q->end = &requests[i];
        q->end = &requests[i].next;
    }
    note_most_urgent(q);
    pthread_cond_broadcast(&q->changed);
    while (!all_done(requests, n)) {
        if (q->led) {
            pthread_cond_wait(&q->changed, &q->mutex);
            continue;
        }
        q->led = true;
        lead(q);
        q->led = false;
        pthread_cond_broadcast(&q->changed);
    }
    take_out(q, requests, n);
    pthread_mutex_unlock(&q->mutex);
    for (size_t i = 0; i < n; i++)
        if (requests[i].status != ENG_OK) status = requests[i].status;
    return status;
}
