/* A crew: one lock, one ring of outcomes. */
#include "lsp/cli/crew.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AHEAD = 64 /* things done before their turn comes */, MOST_THREADS = 64 };

struct ring {
    const struct cli_crew *crew;
    char *outcomes; /* [AHEAD] of outcome_size bytes, thing i in i % AHEAD */
    bool done[AHEAD];
    size_t next, reported; /* next: to be taken; both under the lock */
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

static void *work(void *user)
{
    struct ring *r = user;
    const struct cli_crew *crew = r->crew;
    void *own = crew->enter ? crew->enter(crew->user) : crew->user;
    pthread_mutex_lock(&r->lock);
    for (;;) {
        while (r->next < crew->count && r->next >= r->reported + AHEAD)
            pthread_cond_wait(&r->changed, &r->lock);
        if (r->next >= crew->count) break;
        size_t index = r->next++;
        void *outcome = r->outcomes + index % AHEAD * crew->outcome_size;
        pthread_mutex_unlock(&r->lock);
        memset(outcome, 0, crew->outcome_size);
        crew->work(own, index, outcome);
        pthread_mutex_lock(&r->lock);
        r->done[index % AHEAD] = true;
        pthread_cond_broadcast(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
    if (crew->leave) crew->leave(own);
    return NULL;
}

static void report_all(struct ring *r)
{
    for (size_t i = 0; i < r->crew->count; i++) {
        pthread_mutex_lock(&r->lock);
        while (!r->done[i % AHEAD])
            pthread_cond_wait(&r->changed, &r->lock);
        pthread_mutex_unlock(&r->lock);
        /* Its place in the ring is this thread's until it is told of. */
        r->crew->report(r->crew->user, i, r->outcomes + i % AHEAD * r->crew->outcome_size);
        pthread_mutex_lock(&r->lock);
        r->done[i % AHEAD] = false;
        r->reported = i + 1;
        pthread_cond_broadcast(&r->changed);
        pthread_mutex_unlock(&r->lock);
    }
}

bool cli_crew_run(const struct cli_crew *crew, size_t n)
{
    pthread_t threads[MOST_THREADS];
    size_t started = 0;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (n == 0) n = processors > 0 ? (size_t)processors : 1;
    if (n > MOST_THREADS) n = MOST_THREADS;
    struct ring r = {.crew = crew, .outcomes = calloc(AHEAD, crew->outcome_size)};
    if (!r.outcomes) return false;
    pthread_mutex_init(&r.lock, NULL);
    pthread_cond_init(&r.changed, NULL);
    while (started < n && pthread_create(&threads[started], NULL, work, &r) == 0)
        started++;
    if (started > 0) report_all(&r);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_cond_destroy(&r.changed);
    pthread_mutex_destroy(&r.lock);
    free(r.outcomes);
    return started > 0;
}
