/* attach.h: how a client's process hands its streams to the daemon.
 *
 * An editor starts `espalier serve --shared`, and that process (front.h) connects to the daemon's
 * socket, sends one line and, beside its first byte, three descriptors: standard input, output and
 * error. From then on the daemon reads and writes the editor's own pipes. It answers with one byte
 * when it has taken them, and with the exit code as another one when the session is over.
 *
 *   espalier-attach {"config": TEXT, "model": TEXT, "defaultModel": TEXT, "threads": INTEGER,
 *                    "logLevel": INTEGER, "attention": {"kind": INTEGER, "window": INTEGER,
 *                    "margin": NUMBER}}
 *
 * All members may be missing. A language client that connects to the same socket begins with a
 * header ("Content-...") instead, and is served over it.
 */
#ifndef ESPALIER_SERVER_ATTACH_H
#define ESPALIER_SERVER_ATTACH_H

#include "engine/engine.h"
#include "lsp/config.h"
#include "lsp/server/error.h"

#include <stdint.h>

#define LSP_ATTACH_FIRST   'e' /* what the line begins with, and no header does */
#define LSP_ATTACH_TAKEN   'A'
#define LSP_ATTACH_MAX     (64u * 1024u)
#define LSP_ATTACH_STREAMS 3

/* What was said on the command line of the client's process; paths are absolute. */
struct lsp_attach {
    char config[LSP_CONFIG_PATH_MAX], model[LSP_CONFIG_PATH_MAX]; /* "": not said */
    char default_model[LSP_CONFIG_PATH_MAX];                      /* "": there is none */
    int threads, log_level;                                       /* -1: not said */
    bool has_attention;
    struct eng_policy attention;
};

/* The line, its end included; freed by the caller. NULL when out of memory. */
char *lsp_attach_write(const struct lsp_attach *attach);

/* line[len], without its end. */
bool lsp_attach_read(const char *line, size_t len, struct lsp_attach *out, struct lsp_error *err);

/* Over a connected Unix socket. What is received is the caller's to close; on failure nothing is
 * left open. */
bool lsp_attach_send(int socket, const struct lsp_attach *attach,
                     const int streams[LSP_ATTACH_STREAMS], struct lsp_error *err);
bool lsp_attach_receive(int socket, int timeout_ms, struct lsp_attach *out,
                        int streams[LSP_ATTACH_STREAMS], struct lsp_error *err);

/* Waits until the socket can be read; false when timeout_ms passed before. -1: however long. */
bool lsp_wait_readable(int socket, int timeout_ms);

#endif
