/* channel.h: what one session is served over, and what it shares with others. Internal to the
 * server.
 *
 * A process that serves one client has one session on its main thread; the daemon (daemon.h) has
 * one a client, each on a thread and a loop of its own, so that none of them waits for another's
 * loop.
 */
#ifndef ESPALIER_SERVER_CHANNEL_H
#define ESPALIER_SERVER_CHANNEL_H

#include "lsp/server/server.h"

struct lsp_indexes;
struct lsp_models;
struct lsp_rulebook;

struct lsp_channel {
    int in, out; /* descriptors, the session's from now on; -1: who connects where the options say
                    is served */
    int log;     /* where the lines of the log go; stays the caller's */
    int control; /* a socket at whose end the client is gone, or -1; stays the caller's */
    bool shared; /* by the daemon */
    struct lsp_models *models;     /* NULL: the session has its own */
    struct lsp_indexes *indexes;   /* the same */
    struct lsp_rulebook *rulebook; /* the same */
};

/* Serves one client to its end; result and errors as lsp_serve. Signals are handled by the loops of
 * all sessions. */
int lsp_serve_channel(const struct lsp_serve_options *options, const struct lsp_channel *channel,
                      struct lsp_serve_error *err);

#endif
