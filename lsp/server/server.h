/* server.h: the language server.
 *
 * lsp_serve runs until the client says exit, goes away, or the process gets SIGINT or
 * SIGTERM. It speaks LSP 3.18 over one of
 *
 *   stdio     standard input and output (the default). Nothing else may write to standard
 *             output meanwhile.
 *   socket    a Unix socket at a path, readable by the user alone. A stale socket file that
 *             nobody listens on is replaced.
 *   listen    HOST:PORT over TCP, port 0 for any free one. Any local user can reach such a
 *             port, so HOST has to be a loopback address unless allow_remote is set.
 *
 * With socket and listen the first client that connects is served and the server ends with
 * it, as it does on stdio. The address is written to standard error once it can be
 * connected to: "espalier: listening on ADDRESS".
 *
 * Shared, socket and listen make it a daemon, which serves every client that connects, and ends
 * when there was none for a while; stdio makes this process one that hands its streams to the
 * user's daemon, which it starts if need be (see lsp/server/front.h), or serves by itself, with a
 * warning, where that cannot be done.
 *
 * Threads: the calling thread becomes the loop thread and owns documents, trees and
 * requests; one more thread owns the model's session, another one the index of the workspace. A
 * daemon has the first two for each client, and one for each set of folders. While it runs,
 * SIGPIPE, SIGINT and SIGTERM are handled by the loop.
 *
 * Answers: each request is answered exactly once. Completions: one is computed at a time;
 * a newer request makes the open one end with -32800 (which clients swallow quietly: the
 * newer answer decides what is shown), a change of its document ends it with an empty list
 * (which takes outdated ghost text away).
 */
#ifndef ESPALIER_LSP_SERVER_H
#define ESPALIER_LSP_SERVER_H

#include <stdbool.h>

struct lsp_completer;
struct eng_policy;

enum lsp_transport_kind { LSP_STDIO, LSP_SOCKET, LSP_LISTEN };

struct lsp_serve_options {
    enum lsp_transport_kind transport;
    const char *address; /* path, or HOST:PORT */
    bool shared;         /* one daemon for all windows of a user */
    int idle_seconds;    /* a daemon without clients ends after so long */
    bool allow_remote;   /* LSP_LISTEN on other than loopback addresses */

    const char *config_path;            /* NULL: the usual files, see lsp/config.h */
    const char *model;                  /* NULL: as configured */
    const char *default_model;          /* used when none is configured; NULL: none */
    int threads;                        /* -1: as configured */
    int log_level;                      /* enum lsp_log_level; -1: as configured */
    const struct eng_policy *attention; /* NULL: as configured */

    const struct lsp_completer *completer; /* NULL: the real one; tests put theirs here */
};

struct lsp_serve_error {
    char text[512];
};

/* The process's exit code: 0 when the client shut the server down before it left, 1 when
 * it did not, 2 when the server could not start (err says why); a daemon's is 0 or 2. */
int lsp_serve(const struct lsp_serve_options *options, struct lsp_serve_error *err);

#endif
