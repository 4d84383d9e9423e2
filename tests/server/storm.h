/* storm.h: requests faster than any person.
 *
 * Changes, completions, cancels and closes of several buffers in random order, without waiting for
 * answers, for servers whose completions may take until they are cancelled (stub_server.c).
 */
#ifndef ESPALIER_TESTS_SERVER_STORM_H
#define ESPALIER_TESTS_SERVER_STORM_H

#include "tests/server/client.h"

#include <stdint.h>

#define STORM_BUFFERS 3

struct storm {
    struct client *client;
    bool open[STORM_BUFFERS];
    unsigned version, id; /* the last ones */
    size_t results, errors;
};

/* A random number below n; *state is the caller's, any seed. */
unsigned storm_below(uint64_t *state, unsigned n);

/* initialize, its answer, initialized. options: JSON, the initializationOptions. */
void storm_begin(struct storm *storm, struct client *client, const char *options);

/* One message. */
void storm_send(struct storm *storm, uint64_t *state);

/* Reads what comes until ms pass without anything; what is neither a result nor a cancel fails the
 * test, and so does the end of the server. */
void storm_drain(struct storm *storm, int ms);

/* Waits until everything is answered, and says shutdown and exit. */
void storm_end(struct storm *storm);

#endif
