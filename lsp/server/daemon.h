/* daemon.h: one process for all windows of a user.
 *
 * Listens where the options say, and serves every client that connects: editors' processes that
 * hand over their streams (attach.h), and language clients that speak over the socket itself. Each
 * has a session on a thread and a loop of its own; weights, compute threads and evaluated sequences
 * are shared (models.h), and so is the index of a folder (indexes.h). A client that ends, however
 * it does, ends nothing but its session.
 *
 * Ends when nobody has been there for options->idle_seconds, or on SIGINT or SIGTERM, which end all
 * sessions in order. On a Unix socket a file PATH.lock beside it, with the process's number, keeps
 * two daemons that start at once apart.
 */
#ifndef ESPALIER_SERVER_DAEMON_H
#define ESPALIER_SERVER_DAEMON_H

#include "lsp/server/server.h"

#define LSP_MAX_CLIENTS 64u

/* 0 in the end, 2 when it cannot start (err says why), also because another one is there. */
int lsp_daemon(const struct lsp_serve_options *options, struct lsp_serve_error *err);

#endif
