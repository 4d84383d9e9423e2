/* pool.h: the compute threads of one model. Internal to the engine.
 *
 * A pool of n threads is the caller and n - 1 helpers. One caller at a time: it takes the
 * pool with eng_pool_enter, hands out any number of parallel loops with eng_pool_run and
 * gives the pool back with eng_pool_leave. Between enter and leave idle helpers spin for a
 * moment before they sleep; outside they sleep on a condition variable.
 *
 * Which thread runs which task is not determined, so a task's result must not depend on
 * it: tasks write to disjoint places and use per-thread scratch only as scratch.
 */
#ifndef ESPALIER_ENGINE_POOL_H
#define ESPALIER_ENGINE_POOL_H

#include "engine/engine.h"

#define ENG_MAX_THREADS 64
#define ENG_MAX_TASKS   0x7fff /* of one loop */

struct eng_pool;

/* threads counts the caller: 1 starts no helper. */
enum eng_status eng_pool_new(int threads, struct eng_pool **out, struct eng_error *err);
void eng_pool_free(struct eng_pool *pool); /* joins; takes NULL */

int eng_pool_threads(const struct eng_pool *pool);

/* Waits while another thread holds the pool. */
void eng_pool_enter(struct eng_pool *pool);
void eng_pool_leave(struct eng_pool *pool);

/* Calls work(job, task, thread) once for each task in [0, tasks), thread in [0, threads),
 * and returns when all are done. tasks is at most ENG_MAX_TASKS. Does not allocate. */
typedef void (*eng_work)(const void *job, size_t task, int thread);
void eng_pool_run(struct eng_pool *pool, eng_work work, const void *job, size_t tasks);

#endif
