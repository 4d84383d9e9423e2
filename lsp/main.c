/* main.c: the executable.
 *
 * `serve` is the server's, everything else the command line's. This is the only place
 * that knows both, and the only one that ends the process.
 */
#include "lsp/cli/cli.h"
#include "lsp/locate.h"
#include "lsp/server/server.h"

#include <stdio.h>
#include <string.h>

static const char serve_help[] =
    "usage: espalier serve [--stdio | --socket PATH | --listen HOST:PORT] [OPTION]...\n"
    "\n"
    "The language server (LSP 3.18).\n"
    "\n"
    "  --stdio             standard input and output (the default)\n"
    "  --socket PATH       a Unix socket\n"
    "  --listen HOST:PORT  TCP; HOST must be a loopback address\n"
    "  --allow-remote      let --listen take any address\n"
    "  --shared            one server for all windows of a user: with --stdio, the window is\n"
    "                      served by the user's daemon, which is started if need be; with an\n"
    "                      address, this process is a daemon there\n"
    "  --idle SECONDS      a daemon that nobody uses ends after so long (default 60)\n"
    "\n"
    "--model, --config, --threads, --attention, --quiet and --log-level as with every command.\n";

static bool choose_transport(struct lsp_serve_options *options, bool stdio, const char *socket,
                             const char *listen)
{
    if (stdio + (socket != NULL) + (listen != NULL) > 1) {
        cli_fail("--stdio, --socket and --listen exclude each other");
        return false;
    }
    options->transport = socket ? LSP_SOCKET : listen ? LSP_LISTEN : LSP_STDIO;
    options->address = socket ? socket : listen;
    return true;
}

static int serve(const char *program, int argc, char **argv)
{
    struct cli cli = {.program = program, .threads = -1, .log_level = -1};
    struct lsp_serve_options options = {0};
    bool stdio = false;
    const char *socket = NULL, *listen = NULL, *words[1];
    long idle = 60, ignored = 0; /* vscode-languageclient tells its process id */
    size_t n_words;
    const struct cli_option known[] = {{"--stdio", CLI_FLAG, &stdio, 0, 0},
                                       {"--socket", CLI_TEXT, &socket, 0, 0},
                                       {"--listen", CLI_TEXT, &listen, 0, 0},
                                       {"--allow-remote", CLI_FLAG, &options.allow_remote, 0, 0},
                                       {"--shared", CLI_FLAG, &options.shared, 0, 0},
                                       {"--idle", CLI_INT, &idle, 0, 86400},
                                       {"--clientProcessId", CLI_INT, &ignored, 0, 4294967295.0},
                                       {0}};
    if (!cli_parse_options(&cli, known, argc, argv, words, 0, &n_words)) return CLI_ERROR;
    if (cli.help) {
        fputs(serve_help, stdout);
        return CLI_OK;
    }
    if (!choose_transport(&options, stdio, socket, listen)) return CLI_ERROR;

    char model[LSP_CONFIG_PATH_MAX];
    struct lsp_locate_error nowhere;
    options.config_path = cli.config_path;
    options.model = cli.model_path;
    options.threads = cli.threads;
    options.idle_seconds = (int)idle;
    options.attention = cli.attention ? &cli.policy : NULL;
    options.log_level = cli.log_level;
    if (lsp_locate_model(NULL, NULL, program, model, &nowhere)) options.default_model = model;
    struct lsp_serve_error err = {""};
    int code = lsp_serve(&options, &err);
    return code == CLI_ERROR ? cli_fail("%s", err.text) : code;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "serve") == 0) return serve(argv[0], argc - 2, argv + 2);
    return cli_main(argc, argv);
}
