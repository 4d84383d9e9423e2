/* listener.h: where clients connect.
 *
 * A Unix socket at a path, readable by the user alone (a stale socket file that nobody listens on
 * is replaced), or HOST:PORT over TCP. Each client that connects is handed over as a file
 * descriptor, so that it may be served by another loop.
 *
 * Belongs to the loop thread. on_client is called from the loop, never from inside a call to these
 * functions.
 */
#ifndef ESPALIER_SERVER_LISTENER_H
#define ESPALIER_SERVER_LISTENER_H

#include "lsp/server/error.h"

#include <uv.h>

#define LSP_SOCKET_PATH_MAX 104 /* the smallest sun_path there is, its end included */

struct lsp_listener_events {
    /* A client is there: a stream socket, which is the callee's from now on. */
    void (*on_client)(void *user, int fd);
    void *user;
};

struct lsp_listener;

/* On failure nothing is left open, but the loop has to run once for handles to close before
 * lsp_listener_free. *out is NULL or to be closed and freed in any case. */
bool lsp_listener_socket(uv_loop_t *loop, const char *path,
                         const struct lsp_listener_events *events, struct lsp_listener **out,
                         struct lsp_error *err);
bool lsp_listener_tcp(uv_loop_t *loop, const char *host_port, bool allow_remote,
                      const struct lsp_listener_events *events, struct lsp_listener **out,
                      struct lsp_error *err);

/* Where a client can connect to. */
const char *lsp_listener_address(const struct lsp_listener *listener);

/* Nobody gets in any more, and a socket's file is removed. Takes NULL. Free it after the loop has
 * run out. */
void lsp_listener_close(struct lsp_listener *listener);
void lsp_listener_free(struct lsp_listener *listener);

#endif
