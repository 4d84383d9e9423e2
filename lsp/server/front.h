/* front.h: what an editor starts when the server is shared.
 *
 * Finds the user's daemon, or starts it, hands it standard input, output and error, and waits for
 * the end of the session. Every build of the program, and every environment that changes what it
 * reads, has a daemon of its own: after an upgrade new windows get the new one, and the old one
 * ends with its last window.
 */
#ifndef ESPALIER_SERVER_FRONT_H
#define ESPALIER_SERVER_FRONT_H

#include "lsp/server/error.h"
#include "lsp/server/server.h"

/* The session's exit code, which is 2, with err, when the daemon died under it; or -1 when there is
 * none to be had: err says why, nothing was read or written, and the caller can serve by itself. */
int lsp_front(const struct lsp_serve_options *options, struct lsp_error *err);

#endif
