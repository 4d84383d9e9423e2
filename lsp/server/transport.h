/* transport.h: bytes from and to one client.
 *
 * Hides what they go through: pipes, sockets, files or a terminal. Knows frames only so far as to
 * put the header in front of a body that is sent.
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

/* Starts reading what in says; out may be the same descriptor. Both are the transport's from now on
 * (but for standard input, output and error, which libuv leaves open). On failure nothing is left
 * open, but the loop has to run once for handles to close before lsp_transport_free. *made is NULL
 * or to be closed and freed in any case. */
bool lsp_transport_open(uv_loop_t *loop, int in, int out, const struct lsp_transport_events *events,
                        struct lsp_transport **made, struct lsp_error *err);

/* Frames and queues body, which it takes over (NULL is a failure). False when it cannot be
 * sent: there is no client (transport is NULL), it is gone, or does not read. */
bool lsp_transport_send(struct lsp_transport *transport, char *body);

/* Bytes that are queued. */
size_t lsp_transport_unsent(const struct lsp_transport *transport);

/* Begins to close all handles; takes NULL. Free it after the loop has run out. */
void lsp_transport_close(struct lsp_transport *transport);
void lsp_transport_free(struct lsp_transport *transport);

#endif
