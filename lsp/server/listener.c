/* listener.c: libuv listeners.
 *
 * Owns one listening handle. A client is accepted into a handle of this loop, as libuv wants it,
 * and leaves it at once as a descriptor of its own. libuv removes a socket's file when it closes
 * the listener.
 */
#include "lsp/server/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

union listening {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_pipe_t pipe;
    uv_tcp_t tcp;
};

struct lsp_listener {
    uv_loop_t *loop;
    struct lsp_listener_events events;
    union listening listening;
    bool open;
    char address[256];
};

static struct lsp_listener *new_listener(uv_loop_t *loop, const struct lsp_listener_events *events,
                                         struct lsp_error *err)
{
    struct lsp_listener *l = calloc(1, sizeof *l);
    if (!l) {
        lsp_fail(err, "out of memory");
        return NULL;
    }
    l->loop = loop;
    l->events = *events;
    return l;
}

const char *lsp_listener_address(const struct lsp_listener *l)
{
    return l->address;
}

/* ---- Accepting --------------------------------------------------------------------- */

static void free_accepted(uv_handle_t *handle)
{
    free(handle);
}

/* A descriptor of its own of the accepted handle's connection, or -1. */
static int own_descriptor(const union listening *accepted, bool tcp)
{
    uv_os_fd_t fd;
    if (uv_fileno(&accepted->handle, &fd)) return -1;
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3), on = 1;
    if (own >= 0 && tcp) setsockopt(own, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return own;
}

static void on_connection(uv_stream_t *listening, int status)
{
    struct lsp_listener *l = listening->data;
    bool tcp = listening->type == UV_TCP;
    union listening *accepted = status < 0 ? NULL : calloc(1, sizeof *accepted);
    if (!accepted) return;
    status = tcp ? uv_tcp_init(l->loop, &accepted->tcp) : uv_pipe_init(l->loop, &accepted->pipe, 0);
    if (status) {
        free(accepted);
        return;
    }
    int fd = uv_accept(listening, &accepted->stream) == 0 ? own_descriptor(accepted, tcp) : -1;
    uv_close(&accepted->handle, free_accepted);
    if (fd >= 0) l->events.on_client(l->events.user, fd);
}

static int start_listening(struct lsp_listener *l)
{
    l->listening.handle.data = l;
    return uv_listen(&l->listening.stream, BACKLOG, on_connection);
}

/* ---- Unix sockets ------------------------------------------------------------------ */

static bool is_socket(const char *path)
{
    uv_fs_t request;
    int status = uv_fs_lstat(NULL, &request, path, NULL);
    bool socket = status == 0 && (request.statbuf.st_mode & S_IFMT) == S_IFSOCK;
    uv_fs_req_cleanup(&request);
    return socket;
}

/* True when path is a socket that nobody listens on: left over from a server that died. Who
 * listens must not notice the question, as it would take it for its client; a socket of
 * another type is turned away before that, and differently when nobody is there. */
static bool is_stale(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (fd < 0) return false;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    bool refused = connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 &&
                   errno == ECONNREFUSED;
    close(fd);
    return refused && is_socket(path);
}

static void remove_file(const char *path)
{
    uv_fs_t request;
    uv_fs_unlink(NULL, &request, path, NULL);
    uv_fs_req_cleanup(&request);
}

static int restrict_to_user(const char *path)
{
    uv_fs_t request;
    int status = uv_fs_chmod(NULL, &request, path, 0600, NULL);
    uv_fs_req_cleanup(&request);
    return status;
}

bool lsp_listener_socket(uv_loop_t *loop, const char *path,
                         const struct lsp_listener_events *events, struct lsp_listener **out,
                         struct lsp_error *err)
{
    struct lsp_listener *l = *out = new_listener(loop, events, err);
    if (!l) return false;
    if (strlen(path) >= LSP_SOCKET_PATH_MAX)
        return lsp_fail(err, "socket path '%.60s...' is longer than %d bytes", path,
                        LSP_SOCKET_PATH_MAX - 1);
    int status = uv_pipe_init(loop, &l->listening.pipe, 0);
    l->open = status == 0;
    if (status == 0) status = uv_pipe_bind(&l->listening.pipe, path);
    if (status == UV_EADDRINUSE && is_stale(path)) {
        remove_file(path);
        status = uv_pipe_bind(&l->listening.pipe, path);
    }
    if (status == 0) {
        snprintf(l->address, sizeof l->address, "%s", path);
        status = restrict_to_user(path);
    }
    if (status == 0) status = start_listening(l);
    return status == 0 || lsp_fail(err, "socket '%s': %s", path, uv_strerror(status));
}

/* ---- TCP --------------------------------------------------------------------------- */

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    return memcmp(&v6->sin6_addr, &in6addr_loopback, sizeof in6addr_loopback) == 0;
}

/* HOST:PORT, where HOST is an address ([...] around IPv6) or "localhost". */
static bool read_address(const char *text, struct sockaddr_storage *out, struct lsp_error *err)
{
    const char *colon = strrchr(text, ':');
    char host[64], *rest;
    size_t len = colon ? (size_t)(colon - text) : 0;
    if (!colon || len == 0 || len >= sizeof host)
        return lsp_fail(err, "'%.100s' is not HOST:PORT", text);
    memcpy(host, text, len);
    host[len] = 0;
    unsigned long port = strtoul(colon + 1, &rest, 10);
    if (colon[1] < '0' || colon[1] > '9' || *rest || port > 65535)
        return lsp_fail(err, "port '%.20s' is not a number up to 65535", colon + 1);
    const char *name = host;
    if (host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = 0;
        name = host + 1;
    }
    if (strcmp(name, "localhost") == 0) name = "127.0.0.1";
    if (uv_ip4_addr(name, (int)port, (struct sockaddr_in *)out) == 0 ||
        uv_ip6_addr(name, (int)port, (struct sockaddr_in6 *)out) == 0)
        return true;
    return lsp_fail(err, "host '%s' is no IP address and not localhost", name);
}

static void note_tcp_address(struct lsp_listener *l)
{
    struct sockaddr_storage bound;
    int size = sizeof bound;
    char host[64] = "";
    if (uv_tcp_getsockname(&l->listening.tcp, (struct sockaddr *)&bound, &size)) return;
    if (bound.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&bound;
        uv_ip4_name(v4, host, sizeof host);
        snprintf(l->address, sizeof l->address, "%s:%d", host, ntohs(v4->sin_port));
    } else {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&bound;
        uv_ip6_name(v6, host, sizeof host);
        snprintf(l->address, sizeof l->address, "[%s]:%d", host, ntohs(v6->sin6_port));
    }
}

bool lsp_listener_tcp(uv_loop_t *loop, const char *host_port, bool allow_remote,
                      const struct lsp_listener_events *events, struct lsp_listener **out,
                      struct lsp_error *err)
{
    struct lsp_listener *l = *out = new_listener(loop, events, err);
    struct sockaddr_storage address;
    if (!l || !read_address(host_port, &address, err)) return false;
    if (!allow_remote && !is_loopback(&address))
        return lsp_fail(err,
                        "'%.100s' can be reached from other machines: a loopback address "
                        "(127.0.0.1, [::1] or localhost) is expected",
                        host_port);
    int status = uv_tcp_init(loop, &l->listening.tcp);
    l->open = status == 0;
    if (status == 0) status = uv_tcp_bind(&l->listening.tcp, (const struct sockaddr *)&address, 0);
    if (status == 0) status = start_listening(l);
    if (status) return lsp_fail(err, "'%.100s': %s", host_port, uv_strerror(status));
    note_tcp_address(l);
    return true;
}

/* ---- Closing ----------------------------------------------------------------------- */

void lsp_listener_close(struct lsp_listener *l)
{
    if (!l || !l->open) return;
    l->open = false;
    uv_close(&l->listening.handle, NULL);
}

void lsp_listener_free(struct lsp_listener *l)
{
    free(l);
}
