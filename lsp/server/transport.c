/* transport.c: libuv streams.
 *
 * Owns the handles of one client and, for sockets, of the listener, which is closed as soon
 * as that client is there. Standard input may be a plain file (a recorded session), which
 * libuv does not read as a stream: it is then read in the thread pool, one piece at a time.
 * libuv removes a socket's file when it closes the listener. No message is understood
 * here, and nothing is decided about it.
 */
#include "lsp/server/transport.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_BYTES (64u * 1024u)

union any_stream {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_pipe_t pipe;
    uv_tcp_t tcp;
    uv_tty_t tty;
};

struct lsp_transport {
    uv_loop_t *loop;
    struct lsp_transport_events events;
    union any_stream listener, input, output;
    bool has_listener, has_input, has_output;
    uv_stream_t *in, *out; /* NULL: not connected, or a plain file */
    uv_file in_file, out_file;
    bool reads_file, writes_file, reading_file;
    uv_fs_t read_request;
    bool ended, closing;
    char address[256];
    char buffer[READ_BYTES];
};

static struct lsp_transport *
new_transport(uv_loop_t *loop, const struct lsp_transport_events *events, struct lsp_error *err)
{
    struct lsp_transport *t = calloc(1, sizeof *t);
    if (!t) {
        lsp_fail(err, "out of memory");
        return NULL;
    }
    t->loop = loop;
    t->events = *events;
    t->read_request.data = t;
    return t;
}

const char *lsp_transport_address(const struct lsp_transport *t)
{
    return t->address;
}

/* ---- Reading ----------------------------------------------------------------------- */

static void end(struct lsp_transport *t, const char *why)
{
    if (t->ended || t->closing) return;
    t->ended = true;
    t->events.on_end(t->events.user, why);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct lsp_transport *t = handle->data;
    *out = uv_buf_init(t->buffer, sizeof t->buffer);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct lsp_transport *t = stream->data;
    if (n > 0)
        t->events.on_bytes(t->events.user, buffer->base, (size_t)n);
    else if (n < 0)
        end(t, n == UV_EOF ? NULL : uv_strerror((int)n));
}

static void on_file_read(uv_fs_t *request);

static void read_file(struct lsp_transport *t)
{
    uv_buf_t buffer = uv_buf_init(t->buffer, sizeof t->buffer);
    t->reading_file =
        uv_fs_read(t->loop, &t->read_request, t->in_file, &buffer, 1, -1, on_file_read) == 0;
    if (!t->reading_file) end(t, "standard input cannot be read");
}

static void on_file_read(uv_fs_t *request)
{
    struct lsp_transport *t = request->data;
    ssize_t n = request->result;
    uv_fs_req_cleanup(request);
    t->reading_file = false;
    if (t->closing) return;
    if (n <= 0) {
        end(t, n == 0 ? NULL : uv_strerror((int)n));
        return;
    }
    t->events.on_bytes(t->events.user, t->buffer, (size_t)n);
    if (!t->closing) read_file(t);
}

static int start_reading(struct lsp_transport *t)
{
    t->in->data = t;
    return uv_read_start(t->in, on_alloc, on_read);
}

/* ---- Writing ----------------------------------------------------------------------- */

struct outgoing {
    uv_write_t request;
    char header[48];
    char *body;
};

static void on_written(uv_write_t *request, int status)
{
    struct outgoing *outgoing = request->data;
    struct lsp_transport *t = request->handle->data;
    free(outgoing->body);
    free(outgoing);
    if (status < 0 && status != UV_ECANCELED) end(t, uv_strerror(status));
}

static bool write_file(struct lsp_transport *t, uv_buf_t *buffers)
{
    for (int i = 0; i < 2; i++) {
        while (buffers[i].len > 0) {
            uv_fs_t request;
            int n = uv_fs_write(NULL, &request, t->out_file, &buffers[i], 1, -1, NULL);
            uv_fs_req_cleanup(&request);
            if (n <= 0) return false;
            buffers[i].base += n;
            buffers[i].len -= (size_t)n;
        }
    }
    return true;
}

bool lsp_transport_send(struct lsp_transport *t, char *body)
{
    struct outgoing *outgoing = body ? malloc(sizeof *outgoing) : NULL;
    size_t len = body ? strlen(body) : 0, unsent = lsp_transport_unsent(t);
    if (!outgoing || t->closing || (!t->out && !t->writes_file) || unsent > LSP_MAX_UNSENT ||
        len > LSP_MAX_UNSENT - unsent) {
        free(outgoing);
        free(body);
        return false;
    }
    outgoing->body = body;
    outgoing->request.data = outgoing;
    int n = snprintf(outgoing->header, sizeof outgoing->header, "Content-Length: %zu\r\n\r\n", len);
    uv_buf_t buffers[2] = {uv_buf_init(outgoing->header, (unsigned)n),
                           uv_buf_init(body, (unsigned)len)};
    bool written = false;
    if (t->writes_file)
        written = write_file(t, buffers);
    else if (uv_write(&outgoing->request, t->out, buffers, 2, on_written) == 0)
        return true;
    free(body);
    free(outgoing);
    return written;
}

size_t lsp_transport_unsent(const struct lsp_transport *t)
{
    return t->out ? uv_stream_get_write_queue_size(t->out) : 0;
}

/* ---- Standard input and output ----------------------------------------------------- */

static int open_stdio(struct lsp_transport *t, uv_file fd, union any_stream *stream, bool *opened)
{
    int status;
    uv_handle_type type = uv_guess_handle(fd);
    if (type == UV_TTY)
        status = uv_tty_init(t->loop, &stream->tty, fd, 0);
    else if (type == UV_TCP)
        status = uv_tcp_init(t->loop, &stream->tcp);
    else
        status = uv_pipe_init(t->loop, &stream->pipe, 0);
    if (status) return status;
    *opened = true;
    stream->handle.data = t;
    if (type == UV_TCP) return uv_tcp_open(&stream->tcp, fd);
    return type == UV_TTY ? 0 : uv_pipe_open(&stream->pipe, fd);
}

bool lsp_transport_stdio(uv_loop_t *loop, const struct lsp_transport_events *events,
                         struct lsp_transport **out, struct lsp_error *err)
{
    struct lsp_transport *t = *out = new_transport(loop, events, err);
    if (!t) return false;
    int status = 0;
    if (uv_guess_handle(1) == UV_FILE) {
        t->writes_file = true;
        t->out_file = 1;
    } else {
        status = open_stdio(t, 1, &t->output, &t->has_output);
        t->out = &t->output.stream;
    }
    if (status) return lsp_fail(err, "standard output: %s", uv_strerror(status));
    if (uv_guess_handle(0) == UV_FILE) {
        t->reads_file = true;
        t->in_file = 0;
        read_file(t);
        return true;
    }
    status = open_stdio(t, 0, &t->input, &t->has_input);
    t->in = &t->input.stream;
    if (status == 0) status = start_reading(t);
    return status == 0 || lsp_fail(err, "standard input: %s", uv_strerror(status));
}

/* ---- Sockets ----------------------------------------------------------------------- */

static void on_connection(uv_stream_t *listener, int status)
{
    struct lsp_transport *t = listener->data;
    if (status < 0 || t->has_input) return;
    if (listener->type == UV_TCP)
        status = uv_tcp_init(t->loop, &t->input.tcp);
    else
        status = uv_pipe_init(t->loop, &t->input.pipe, 0);
    if (status) return;
    t->has_input = true;
    if (listener->type == UV_TCP) uv_tcp_nodelay(&t->input.tcp, 1);
    t->in = t->out = &t->input.stream;
    status = uv_accept(listener, t->in);
    if (status == 0) status = start_reading(t);
    t->has_listener = false;
    uv_close(&t->listener.handle, NULL);
    if (status) end(t, uv_strerror(status));
}

static int start_listening(struct lsp_transport *t)
{
    t->listener.handle.data = t;
    return uv_listen(&t->listener.stream, 1, on_connection);
}

static bool is_socket(const char *path)
{
    uv_fs_t request;
    int status = uv_fs_lstat(NULL, &request, path, NULL);
    bool socket = status == 0 && (request.statbuf.st_mode & S_IFMT) == S_IFSOCK;
    uv_fs_req_cleanup(&request);
    return socket;
}

/* True when path is a socket that nobody listens on: left over from a server that died. A
 * listener must not notice the question, as it would take it for its client; a socket of
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

bool lsp_transport_socket(uv_loop_t *loop, const char *path,
                          const struct lsp_transport_events *events, struct lsp_transport **out,
                          struct lsp_error *err)
{
    struct lsp_transport *t = *out = new_transport(loop, events, err);
    if (!t) return false;
    if (strlen(path) >= 104) /* the smallest sun_path there is */
        return lsp_fail(err, "socket path '%.60s...' is longer than 103 bytes", path);
    int status = uv_pipe_init(loop, &t->listener.pipe, 0);
    t->has_listener = status == 0;
    if (status == 0) status = uv_pipe_bind(&t->listener.pipe, path);
    if (status == UV_EADDRINUSE && is_stale(path)) {
        remove_file(path);
        status = uv_pipe_bind(&t->listener.pipe, path);
    }
    if (status == 0) {
        snprintf(t->address, sizeof t->address, "%s", path);
        status = restrict_to_user(path);
    }
    if (status == 0) status = start_listening(t);
    return status == 0 || lsp_fail(err, "socket '%s': %s", path, uv_strerror(status));
}

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

static void note_tcp_address(struct lsp_transport *t)
{
    struct sockaddr_storage bound;
    int size = sizeof bound;
    char host[64] = "";
    if (uv_tcp_getsockname(&t->listener.tcp, (struct sockaddr *)&bound, &size)) return;
    if (bound.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&bound;
        uv_ip4_name(v4, host, sizeof host);
        snprintf(t->address, sizeof t->address, "%s:%d", host, ntohs(v4->sin_port));
    } else {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&bound;
        uv_ip6_name(v6, host, sizeof host);
        snprintf(t->address, sizeof t->address, "[%s]:%d", host, ntohs(v6->sin6_port));
    }
}

bool lsp_transport_listen(uv_loop_t *loop, const char *host_port, bool allow_remote,
                          const struct lsp_transport_events *events, struct lsp_transport **out,
                          struct lsp_error *err)
{
    struct lsp_transport *t = *out = new_transport(loop, events, err);
    struct sockaddr_storage address;
    if (!t || !read_address(host_port, &address, err)) return false;
    if (!allow_remote && !is_loopback(&address))
        return lsp_fail(err,
                        "'%.100s' can be reached from other machines: a loopback address "
                        "(127.0.0.1, [::1] or localhost) is expected",
                        host_port);
    int status = uv_tcp_init(loop, &t->listener.tcp);
    t->has_listener = status == 0;
    if (status == 0) status = uv_tcp_bind(&t->listener.tcp, (const struct sockaddr *)&address, 0);
    if (status == 0) status = start_listening(t);
    if (status) return lsp_fail(err, "'%.100s': %s", host_port, uv_strerror(status));
    note_tcp_address(t);
    return true;
}

/* ---- Closing ----------------------------------------------------------------------- */

void lsp_transport_close(struct lsp_transport *t)
{
    if (!t || t->closing) return;
    t->closing = true;
    if (t->reading_file) uv_cancel((uv_req_t *)&t->read_request);
    if (t->has_listener) uv_close(&t->listener.handle, NULL);
    if (t->has_input) uv_close(&t->input.handle, NULL);
    if (t->has_output) uv_close(&t->output.handle, NULL);
}

void lsp_transport_free(struct lsp_transport *t)
{
    free(t);
}
