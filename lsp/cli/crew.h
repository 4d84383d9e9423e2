/* crew.h: many things done on several threads and told of in their order.
 *
 * Threads take things one after the other, a bounded number ahead of the one that is told of next,
 * so that what is printed does not depend on how many threads there are, and memory is bounded.
 */
#ifndef ESPALIER_CLI_CREW_H
#define ESPALIER_CLI_CREW_H

#include <stdbool.h>
#include <stddef.h>

struct cli_crew {
    size_t count;        /* things to do: 0 to count - 1 */
    size_t outcome_size; /* bytes of what becomes of one, zeroed before */
    void *user;
    void *(*enter)(void *user); /* on each thread, first: what it works with; NULL: `user` */
    void (*leave)(void *own);   /* ... and last; NULL: there is nothing to do */
    void (*work)(void *own, size_t index, void *outcome);
    void (*report)(void *user, size_t index, void *outcome); /* on the calling thread */
};

/* threads: how many, 0 for one a processor. False when memory or threads ran out: nothing was done
 * then. */
bool cli_crew_run(const struct cli_crew *crew, size_t threads);

#endif
