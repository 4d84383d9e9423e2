/* daemon.c: the main thread accepts, waits and counts; clients' threads do the rest.
 *
 * The list of clients is the main thread's. A client's thread owns what it serves and tells by one
 * flag that it is done; the connection's descriptor stays the main thread's, which so can make any
 * session end: nothing more is read from it then.
 *
 * Nothing of the protocol is known here: a connection's first byte tells who speaks.
 */
#include "lsp/server/daemon.h"
#include "lsp/server/attach.h"
#include "lsp/server/channel.h"
#include "lsp/server/indexes.h"
#include "lsp/server/listener.h"
#include "lsp/server/models.h"
#include "lsp/server/rulebook.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define GREETING_MS 30000

struct daemon;

struct client {
    struct daemon *daemon;
    struct client *next;
    uv_thread_t thread;
    int fd;
    atomic_bool done;
};

struct daemon {
    const struct lsp_serve_options *options;
    struct lsp_models *models;
    struct lsp_indexes *indexes;
    struct lsp_rulebook *rulebook;
    uv_loop_t loop;
    struct lsp_listener *listener;
    uv_signal_t signals[3];
    uv_async_t someone_left;
    uv_timer_t idle;
    struct client *clients;
    size_t n_clients;
    bool stopping;
    char lock_path[LSP_SOCKET_PATH_MAX + 8];
    int lock; /* -1: none */
};

/* ---- A client's thread ------------------------------------------------------------- */

static void serve_attached(struct client *client, const struct lsp_attach *attach,
                           const int streams[LSP_ATTACH_STREAMS])
{
    const struct lsp_serve_options *own = client->daemon->options;
    const struct lsp_serve_options options = {
        .config_path = attach->config[0] ? attach->config : NULL,
        .model = attach->model[0] ? attach->model : NULL,
        .default_model = attach->default_model[0] ? attach->default_model : NULL,
        .threads = attach->threads,
        .log_level = attach->log_level,
        .attention = attach->has_attention ? &attach->attention : NULL,
        .completer = own->completer,
    };
    const struct lsp_channel channel = {.in = streams[0],
                                        .out = streams[1],
                                        .log = streams[2],
                                        .control = client->fd,
                                        .shared = true,
                                        .models = client->daemon->models,
                                        .indexes = client->daemon->indexes,
                                        .rulebook = client->daemon->rulebook};
    struct lsp_serve_error err;
    const char taken = LSP_ATTACH_TAKEN;
    send(client->fd, &taken, 1, MSG_NOSIGNAL);
    const char code = (char)lsp_serve_channel(&options, &channel, &err);
    if (code == 2) dprintf(channel.log, "espalier: error: %s\n", err.text);
    close(channel.log);
    send(client->fd, &code, 1, MSG_NOSIGNAL);
}

static void serve_connected(struct client *client)
{
    int fd = fcntl(client->fd, F_DUPFD_CLOEXEC, 3);
    const struct lsp_channel channel = {.in = fd,
                                        .out = fd,
                                        .log = STDERR_FILENO,
                                        .control = -1,
                                        .shared = true,
                                        .models = client->daemon->models,
                                        .indexes = client->daemon->indexes,
                                        .rulebook = client->daemon->rulebook};
    struct lsp_serve_error err;
    if (fd >= 0 && lsp_serve_channel(client->daemon->options, &channel, &err) == 2)
        fprintf(stderr, "espalier: error: %s\n", err.text);
}

static void client_main(void *arg)
{
    struct client *client = arg;
    char first;
    if (lsp_wait_readable(client->fd, GREETING_MS) && recv(client->fd, &first, 1, MSG_PEEK) == 1) {
        struct lsp_error err;
        int streams[LSP_ATTACH_STREAMS];
        struct lsp_attach *attach = first == LSP_ATTACH_FIRST ? malloc(sizeof *attach) : NULL;
        if (first != LSP_ATTACH_FIRST)
            serve_connected(client);
        else if (attach && lsp_attach_receive(client->fd, GREETING_MS, attach, streams, &err))
            serve_attached(client, attach, streams);
        else
            fprintf(stderr, "espalier: error: %s\n", attach ? err.text : "out of memory");
        free(attach);
    }
    atomic_store(&client->done, true);
    uv_async_send(&client->daemon->someone_left);
}

/* ---- The main thread --------------------------------------------------------------- */

static void close_handles(struct daemon *daemon)
{
    uv_close((uv_handle_t *)&daemon->someone_left, NULL);
    uv_close((uv_handle_t *)&daemon->idle, NULL);
    for (size_t i = 0; i < sizeof daemon->signals / sizeof *daemon->signals; i++)
        uv_close((uv_handle_t *)&daemon->signals[i], NULL);
}

/* Nobody gets in, and those who are there have said their last. */
static void stop(struct daemon *daemon)
{
    if (daemon->stopping) return;
    daemon->stopping = true;
    lsp_listener_close(daemon->listener);
    for (struct client *client = daemon->clients; client; client = client->next)
        shutdown(client->fd, SHUT_RD);
    if (daemon->n_clients == 0) close_handles(daemon);
}

static void on_idle(uv_timer_t *timer)
{
    stop(timer->data);
}

static void wait_for_clients(struct daemon *daemon)
{
    uv_timer_start(&daemon->idle, on_idle, (uint64_t)daemon->options->idle_seconds * 1000, 0);
}

static void on_someone_left(uv_async_t *async)
{
    struct daemon *daemon = async->data;
    for (struct client **at = &daemon->clients; *at;) {
        struct client *client = *at;
        if (!atomic_load(&client->done)) {
            at = &client->next;
            continue;
        }
        *at = client->next;
        daemon->n_clients--;
        uv_thread_join(&client->thread);
        close(client->fd);
        free(client);
    }
    if (daemon->n_clients > 0) return;
    if (daemon->stopping)
        close_handles(daemon);
    else
        wait_for_clients(daemon);
}

static void on_client(void *user, int fd)
{
    struct daemon *daemon = user;
    struct client *client = daemon->n_clients < LSP_MAX_CLIENTS ? calloc(1, sizeof *client) : NULL;
    if (client) {
        client->daemon = daemon;
        client->fd = fd;
        if (uv_thread_create(&client->thread, client_main, client) == 0) {
            client->next = daemon->clients;
            daemon->clients = client;
            daemon->n_clients++;
            uv_timer_stop(&daemon->idle);
            return;
        }
    }
    fprintf(stderr, "espalier: error: no room for one more client beside %zu\n", daemon->n_clients);
    free(client);
    close(fd);
}

static void on_signal(uv_signal_t *handle, int number)
{
    if (number != SIGPIPE) stop(handle->data);
}

/* ---- The start --------------------------------------------------------------------- */

/* True when the file that is locked is still the one at the path: its last owner may have removed
 * it in between. */
static bool is_at(int fd, const char *path)
{
    struct stat own, there;
    return fstat(fd, &own) == 0 && stat(path, &there) == 0 && own.st_ino == there.st_ino &&
           own.st_dev == there.st_dev;
}

static bool take_lock(struct daemon *daemon, struct lsp_error *err)
{
    if (daemon->options->transport != LSP_SOCKET) return true;
    snprintf(daemon->lock_path, sizeof daemon->lock_path, "%.*s.lock", LSP_SOCKET_PATH_MAX,
             daemon->options->address);
    for (;;) {
        int fd = open(daemon->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) return lsp_fail(err, "%s: %s", daemon->lock_path, strerror(errno));
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            close(fd);
            return lsp_fail(err, "socket '%s': another server has it", daemon->options->address);
        }
        if (is_at(fd, daemon->lock_path)) {
            daemon->lock = fd;
            if (ftruncate(fd, 0) != 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0)
                return lsp_fail(err, "%s: %s", daemon->lock_path, strerror(errno));
            return true;
        }
        close(fd);
    }
}

static void give_lock_back(struct daemon *daemon)
{
    if (daemon->lock < 0) return;
    unlink(daemon->lock_path);
    close(daemon->lock);
}

static void start_handles(struct daemon *daemon)
{
    static const int numbers[] = {SIGPIPE, SIGINT, SIGTERM};
    uv_async_init(&daemon->loop, &daemon->someone_left, on_someone_left);
    uv_timer_init(&daemon->loop, &daemon->idle);
    daemon->someone_left.data = daemon->idle.data = daemon;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uv_signal_init(&daemon->loop, &daemon->signals[i]);
        daemon->signals[i].data = daemon;
        uv_signal_start(&daemon->signals[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&daemon->signals[i]);
    }
}

static bool start(struct daemon *daemon, struct lsp_error *err)
{
    const struct lsp_serve_options *options = daemon->options;
    const struct lsp_listener_events events = {on_client, daemon};
    if (!take_lock(daemon, err)) return false;
    bool ok =
        options->transport == LSP_SOCKET
            ? lsp_listener_socket(&daemon->loop, options->address, &events, &daemon->listener, err)
            : lsp_listener_tcp(&daemon->loop, options->address, options->allow_remote, &events,
                               &daemon->listener, err);
    if (!ok) return false;
    fprintf(stderr, "espalier: listening on %s\n", lsp_listener_address(daemon->listener));
    wait_for_clients(daemon);
    return true;
}

int lsp_daemon(const struct lsp_serve_options *options, struct lsp_serve_error *err)
{
    struct daemon daemon = {.options = options, .lock = -1};
    struct lsp_error why = {""};
    daemon.models = lsp_models_new();
    daemon.indexes = lsp_indexes_new();
    daemon.rulebook = lsp_rulebook_new();
    if (!daemon.models || !daemon.indexes || !daemon.rulebook || uv_loop_init(&daemon.loop)) {
        lsp_models_free(daemon.models);
        lsp_indexes_free(daemon.indexes);
        lsp_rulebook_free(daemon.rulebook);
        snprintf(err->text, sizeof err->text, "serve: out of memory");
        return 2;
    }
    start_handles(&daemon);
    bool started = start(&daemon, &why);
    if (!started) {
        lsp_listener_close(daemon.listener);
        close_handles(&daemon);
    }
    uv_run(&daemon.loop, UV_RUN_DEFAULT);
    uv_loop_close(&daemon.loop);
    lsp_listener_free(daemon.listener);
    lsp_rulebook_free(daemon.rulebook);
    lsp_indexes_free(daemon.indexes);
    lsp_models_free(daemon.models);
    give_lock_back(&daemon);
    if (!started) snprintf(err->text, sizeof err->text, "serve: %s", why.text);
    return started ? 0 : 2;
}
