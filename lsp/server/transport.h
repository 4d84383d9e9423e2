/* transport.h: bytes from and to one client.
 *
 * Hides where they come from: standard input and output (pipes, sockets, files or a
 * terminal), a Unix socket or a TCP connection. Knows frames only so far as to put the
 * header in front of a body that is sent.
 *
 * Belongs to the loop thread. on_bytes and on_end are called from the loop, never from
 * inside a call to these functions; on_end at most once.
 */
#ifndef ESPALIER_SERVER_TRANSPORT_H
#define ESPALIER_SERVER_TRANSPORT_H

#include "lsp/server/error.h"

#include <stddef.h>
#include <uv.h>

/* Bytes that may wait for a client that does not read. */
#define LSP_MAX_UNSENT (128u * 1024u * 1024u)

struct lsp_transport_events {
    void (*on_bytes)(void *user, const char *bytes, size_t len);
    /* Nothing more will be read: why is NULL at the end of the stream. */
    void (*on_end)(void *user, const char *why);
    void *user;
};

struct lsp_transport;

/* Each starts reading, or waiting for the client. On failure nothing is left open, but the
 * loop has to run once for handles to close before lsp_transport_free. *out is NULL or to
 * be closed and freed in any case. */
bool lsp_transport_stdio(uv_loop_t *loop, const struct lsp_transport_events *events,
                         struct lsp_transport **out, struct lsp_error *err);
bool lsp_transport_socket(uv_loop_t *loop, const char *path,
                          const struct lsp_transport_events *events, struct lsp_transport **out,
                          struct lsp_error *err);
bool lsp_transport_listen(uv_loop_t *loop, const char *host_port, bool allow_remote,
                          const struct lsp_transport_events *events, struct lsp_transport **out,
                          struct lsp_error *err);

/* Where a client can connect to, "" for stdio. */
const char *lsp_transport_address(const struct lsp_transport *transport);

/* Frames and queues body, which it takes over (NULL is a failure). False when it cannot be
 * sent: the client is gone, or does not read. */
bool lsp_transport_send(struct lsp_transport *transport, char *body);

/* Bytes that are queued. */
size_t lsp_transport_unsent(const struct lsp_transport *transport);

/* Begins to close all handles; takes NULL. Free it after the loop has run out. */
void lsp_transport_close(struct lsp_transport *transport);
void lsp_transport_free(struct lsp_transport *transport);

#endif
