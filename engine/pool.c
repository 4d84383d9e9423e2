/* The thread pool. It owns its helper threads and nothing else; it knows no tensors.
 *
 * A loop is published as one atomic ticket: a serial number, the number of tasks and the
 * next task. A thread owns a task once it has advanced the ticket by compare-and-swap, and
 * only then reads the job: the caller does not leave eng_pool_run, and so does not change
 * the job, before every task that was handed out is counted as done. A helper that slept
 * through a whole loop finds a ticket without tasks and has missed nothing, so the caller
 * never waits for a thread to wake up, only for work that was begun.
 *
 * Deliberately absent: work stealing, nested loops, priorities. A forward pass is a row of
 * short flat loops.
 */
#include "engine/pool.h"
#include "engine/allocation.h"
#include "engine/error.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

/* Turns of waiting before a helper sleeps: some tens of microseconds, about the serial
 * part between two loops of a pass. The caller yields after as many: on a crowded machine
 * the helper it waits for may need its processor. */
#define SPIN_TURNS 1000

/* A ticket: serial number (32 bits), tasks (16), next task (16). */
#define TICKET(serial, tasks) ((uint64_t)(serial) << 32 | (uint64_t)(tasks) << 16)
#define TICKET_TASKS(ticket)  ((ticket) >> 16 & 0xffff)
#define TICKET_NEXT(ticket)   ((ticket)&0xffff)

struct helper {
    struct eng_pool *pool;
    int number; /* 1 ... */
    pthread_t thread;
};

struct eng_pool {
    pthread_mutex_t turn; /* held from enter to leave */

    eng_work work; /* the loop that ticket describes */
    const void *job;
    _Atomic uint64_t ticket;
    _Atomic uint32_t done; /* tasks of it that are finished */
    uint32_t serial;

    _Atomic bool busy; /* between enter and leave */
    _Atomic bool stop;
    _Atomic int sleeping;
    pthread_mutex_t sleep_lock;
    pthread_cond_t wake;

    int n_helpers;
    struct helper helpers[];
};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static bool has_task(uint64_t ticket)
{
    return TICKET_NEXT(ticket) < TICKET_TASKS(ticket);
}

/* Runs tasks of the present loop until none is left. */
static void take_tasks(struct eng_pool *pool, int thread)
{
    uint64_t ticket = atomic_load(&pool->ticket);
    while (has_task(ticket)) {
        if (!atomic_compare_exchange_weak(&pool->ticket, &ticket, ticket + 1)) continue;
        eng_forbid_allocation();
        pool->work(pool->job, TICKET_NEXT(ticket), thread);
        eng_allow_allocation();
        atomic_fetch_add(&pool->done, 1);
        ticket = atomic_load(&pool->ticket);
    }
}

static void sleep_until_work(struct eng_pool *pool)
{
    pthread_mutex_lock(&pool->sleep_lock);
    atomic_fetch_add(&pool->sleeping, 1);
    while (!has_task(atomic_load(&pool->ticket)) && !atomic_load(&pool->stop))
        pthread_cond_wait(&pool->wake, &pool->sleep_lock);
    atomic_fetch_sub(&pool->sleeping, 1);
    pthread_mutex_unlock(&pool->sleep_lock);
}

static void wake_sleepers(struct eng_pool *pool)
{
    if (atomic_load(&pool->sleeping) == 0) return;
    pthread_mutex_lock(&pool->sleep_lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->sleep_lock);
}

static void *helper_main(void *argument)
{
    const struct helper *self = argument;
    struct eng_pool *pool = self->pool;

    while (!atomic_load(&pool->stop)) {
        take_tasks(pool, self->number);
        int turn = 0;
        while (turn < SPIN_TURNS && atomic_load(&pool->busy) &&
               !has_task(atomic_load(&pool->ticket))) {
            relax();
            turn++;
        }
        if (!has_task(atomic_load(&pool->ticket))) sleep_until_work(pool);
    }
    return NULL;
}

void eng_pool_run(struct eng_pool *pool, eng_work work, const void *job, size_t tasks)
{
    if (tasks <= 1 || pool->n_helpers == 0) {
        for (size_t i = 0; i < tasks; i++)
            work(job, i, 0);
        return;
    }
    pool->work = work;
    pool->job = job;
    atomic_store(&pool->done, 0);
    atomic_store(&pool->ticket, TICKET(++pool->serial, tasks));
    wake_sleepers(pool);
    take_tasks(pool, 0);
    for (int turn = 0; atomic_load(&pool->done) < tasks; turn++) {
        relax();
        if (turn >= SPIN_TURNS) sched_yield();
    }
}

void eng_pool_enter(struct eng_pool *pool)
{
    pthread_mutex_lock(&pool->turn);
    atomic_store(&pool->busy, true);
}

void eng_pool_leave(struct eng_pool *pool)
{
    atomic_store(&pool->busy, false);
    pthread_mutex_unlock(&pool->turn);
}

int eng_pool_threads(const struct eng_pool *pool)
{
    return pool->n_helpers + 1;
}

enum eng_status eng_pool_new(int threads, struct eng_pool **out, struct eng_error *err)
{
    *out = NULL;
    if (threads < 1 || threads > ENG_MAX_THREADS)
        return eng_fail(err, ENG_BAD_INPUT, "%d compute threads, expected 1 to %d", threads,
                        ENG_MAX_THREADS);
    struct eng_pool *pool = calloc(1, sizeof *pool + sizeof pool->helpers[0] * (size_t)threads);
    if (!pool) return eng_fail(err, ENG_NO_MEMORY, "out of memory for %d threads", threads);
    pthread_mutex_init(&pool->turn, NULL);
    pthread_mutex_init(&pool->sleep_lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    for (int i = 0; i < threads - 1; i++) {
        struct helper *helper = &pool->helpers[i];
        helper->pool = pool;
        helper->number = i + 1;
        if (pthread_create(&helper->thread, NULL, helper_main, helper) != 0) {
            eng_pool_free(pool);
            return eng_fail(err, ENG_NO_MEMORY, "compute thread %d of %d does not start", i + 1,
                            threads);
        }
        pool->n_helpers = i + 1;
    }
    *out = pool;
    return ENG_OK;
}

void eng_pool_free(struct eng_pool *pool)
{
    if (!pool) return;
    atomic_store(&pool->stop, true);
    pthread_mutex_lock(&pool->sleep_lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->sleep_lock);
    for (int i = 0; i < pool->n_helpers; i++)
        pthread_join(pool->helpers[i].thread, NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->sleep_lock);
    pthread_mutex_destroy(&pool->turn);
    free(pool);
}
