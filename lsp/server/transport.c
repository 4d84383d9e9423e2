/* transport.c: libuv streams.
 *
 * Owns the handles and descriptors of one client. What it reads may be a plain file (a recorded
 * session), which libuv does not read as a stream: it is then read in the thread pool, one piece
 * at a time. No message is understood here, and nothing is decided about it.
 */
#include "lsp/server/transport.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
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
    union any_stream input, output;
    bool has_input, has_output;
    uv_stream_t *in, *out;     /* NULL: a plain file */
    uv_file in_file, out_file; /* -1: a stream has them */
    bool reads_file, writes_file, reading_file;
    uv_fs_t read_request;
    bool ended, closing;
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
    if (!t->reading_file) end(t, "the input cannot be read");
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
    if (!outgoing || !t || t->closing || (!t->out && !t->writes_file) || unsent > LSP_MAX_UNSENT ||
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
    return t && t->out ? uv_stream_get_write_queue_size(t->out) : 0;
}

/* ---- Opening ----------------------------------------------------------------------- */

/* libuv leaves standard input, output and error open; so does this file. */
static void close_file(uv_file *file)
{
    if (*file > STDERR_FILENO) close(*file);
    *file = -1;
}

/* Makes a stream of *file, which is the stream's then. */
static int open_stream(struct lsp_transport *t, uv_file *file, union any_stream *stream,
                       bool *opened)
{
    int status, fd = *file;
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
    if (type == UV_TCP)
        status = uv_tcp_open(&stream->tcp, fd);
    else if (type != UV_TTY)
        status = uv_pipe_open(&stream->pipe, fd);
    if (status == 0) *file = -1;
    return status;
}

bool lsp_transport_open(uv_loop_t *loop, int in, int out, const struct lsp_transport_events *events,
                        struct lsp_transport **made, struct lsp_error *err)
{
    struct lsp_transport *t = *made = new_transport(loop, events, err);
    if (!t) {
        close_file(&in);
        if (out != in) close_file(&out);
        return false;
    }
    int status = 0;
    bool one = in == out;
    t->in_file = one ? -1 : in;
    t->out_file = out;
    if (uv_guess_handle(out) == UV_FILE) {
        t->writes_file = true;
    } else {
        status = open_stream(t, &t->out_file, &t->output, &t->has_output);
        t->out = &t->output.stream;
    }
    if (status) return lsp_fail(err, "output: %s", uv_strerror(status));
    if (one) {
        t->in = t->out;
    } else if (uv_guess_handle(in) == UV_FILE) {
        t->reads_file = true;
        read_file(t);
        return true;
    } else {
        status = open_stream(t, &t->in_file, &t->input, &t->has_input);
        t->in = &t->input.stream;
    }
    if (status == 0) status = start_reading(t);
    return status == 0 || lsp_fail(err, "input: %s", uv_strerror(status));
}

/* ---- Closing ----------------------------------------------------------------------- */

void lsp_transport_close(struct lsp_transport *t)
{
    if (!t || t->closing) return;
    t->closing = true;
    if (t->reading_file) uv_cancel((uv_req_t *)&t->read_request);
    if (t->has_input) uv_close(&t->input.handle, NULL);
    if (t->has_output) uv_close(&t->output.handle, NULL);
}

void lsp_transport_free(struct lsp_transport *t)
{
    if (!t) return;
    close_file(&t->in_file);
    close_file(&t->out_file);
    free(t);
}
