/* serve.c: which process serves.
 *
 * One client on standard streams or on the first connection: this one, with a session on this
 * thread. Shared and on an address: the daemon. Shared and on standard streams: the daemon serves
 * them, and this process waits; where no daemon can be had, the window is served all the same.
 */
#include "lsp/server/channel.h"
#include "lsp/server/daemon.h"
#include "lsp/server/front.h"
#include "lsp/server/models.h"

#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* glibc gives threads heaps of their own, as many as eight a processor, and what one thread leaves
 * in its heap is of no use to the others: with windows that come and go, resident memory grew for
 * hours. Threads here allocate little at the same time. */
static void share_heaps(void)
{
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 2);
#endif
}

static int serve_alone(const struct lsp_serve_options *options, struct lsp_serve_error *err)
{
    bool stdio = options->transport == LSP_STDIO;
    const struct lsp_channel channel = {.in = stdio ? STDIN_FILENO : -1,
                                        .out = stdio ? STDOUT_FILENO : -1,
                                        .log = STDERR_FILENO,
                                        .control = -1,
                                        .models = lsp_models_new()};
    if (!channel.models) {
        snprintf(err->text, sizeof err->text, "serve: out of memory");
        return 2;
    }
    int exit_code = lsp_serve_channel(options, &channel, err);
    lsp_models_free(channel.models);
    return exit_code;
}

int lsp_serve(const struct lsp_serve_options *options, struct lsp_serve_error *err)
{
    share_heaps();
    if (!options->shared) return serve_alone(options, err);
    if (options->transport != LSP_STDIO) return lsp_daemon(options, err);
    struct lsp_error why;
    int exit_code = lsp_front(options, &why);
    if (exit_code == 2) snprintf(err->text, sizeof err->text, "serve: %s", why.text);
    if (exit_code >= 0) return exit_code;
    fprintf(stderr, "espalier: warning: not shared with other windows: %s\n", why.text);
    return serve_alone(options, err);
}
