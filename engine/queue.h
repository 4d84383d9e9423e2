/* queue.h: whose tokens are evaluated next. Internal to the engine.
 *
 * All sessions of a model share its threads and its pass. A thread that wants tokens evaluated puts
 * requests into the queue and waits; one of the waiting threads at a time leads: it takes the
 * requests that come first, runs one pass over all of them and goes on until its own are done.
 * There is no thread beside those of the callers and the pool's, and nothing waits by turning.
 *
 * Which requests come first: those of the most urgent session, in the order in which they came. A
 * pass takes as many requests of the same kind as it has room for, decoded tokens with decoded
 * tokens, prompts with prompts. Where other threads, as urgent, have decoded a moment ago, the
 * leader waits for their next token for a bounded time, so that one pass serves all.
 *
 * A pass is given up within a layer when one of its requests is cancelled, or when a more urgent
 * session comes while it evaluates prompts; requests that were not cancelled are then run again.
 */
#ifndef ESPALIER_ENGINE_QUEUE_H
#define ESPALIER_ENGINE_QUEUE_H

#include "engine/session.h"

/* Tokens of one session, at its end. */
struct eng_request {
    struct eng_session *session;
    size_t rows, logits_from; /* as in a span */
    float *logits;
    bool prefill, again;

    /* The queue's. */
    enum { ENG_REQUEST_WAITS, ENG_REQUEST_RUNS, ENG_REQUEST_DONE } state;
    enum eng_status status; /* ENG_OK or ENG_CANCELLED, when done */
    eng_cancel *cancel;
    const void *owner; /* the thread that waits for it */
    struct eng_request *next;
};

struct eng_queue;

/* wait_us: for how long a pass waits for the tokens of other sessions, 0: not at all. */
enum eng_status eng_queue_new(const struct eng_model *model, uint32_t wait_us,
                              struct eng_queue **out, struct eng_error *err);
void eng_queue_free(struct eng_queue *queue); /* takes NULL */

/* Runs n requests, of different sessions, and returns when all are done: ENG_CANCELLED when any was
 * cancelled, by the flag (may be NULL) that is theirs in common. A request that is done ENG_OK has
 * its keys and values in its session's pages; the lengths are the caller's to set. Of a single
 * request the rows are at most the pass's chunk; of several, each has at most ENG_LOGIT_ROWS. */
enum eng_status eng_queue_run(struct eng_queue *queue, struct eng_request *requests, size_t n,
                              eng_cancel *cancel);

#endif
