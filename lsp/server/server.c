/* server.c: the loop.
 *
 * Owns the libuv loop and everything on it; takes bytes apart into messages, checks what
 * the protocol allows in the present phase, and gives each message to its handler. What a
 * method does lies in the other files of this folder. Nothing here waits: slow work is the
 * inference thread's, and parsing goes in slices between messages. The loop measures its
 * own turns, and says so when one takes longer than a person's eye forgives.
 *
 * The end is always the same: stop reading, let the client read what is queued, stop the
 * inference thread, close every handle, run the loop out, free.
 */
#include "lsp/server/session.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SLOW_TURN_MS    50.0
#define PARSE_SLICE_US  10000u
#define PREFILL_LULL_MS 5u
#define LAST_WORDS_MS   1000u
#define MAX_LOG_LINE    1024u

/* ---- Sending ----------------------------------------------------------------------- */

static void send_body(struct lsp_server *server, char *body)
{
    if (!lsp_transport_send(server->transport, body) && server->phase != LSP_PHASE_ENDED) {
        dprintf(server->channel.log, "espalier: error: the client does not read\n");
        lsp_end(server, 1);
    }
}

bool lsp_answer(struct lsp_server *server, uint64_t ticket, cJSON *result)
{
    char *id = lsp_requests_take(&server->requests, ticket);
    if (!id) {
        cJSON_Delete(result);
        return false;
    }
    server->counters.answers++;
    send_body(server, lsp_encode_result(id, result));
    free(id);
    return true;
}

bool lsp_answer_error(struct lsp_server *server, uint64_t ticket, enum lsp_code code,
                      const char *text)
{
    char *id = lsp_requests_take(&server->requests, ticket);
    if (!id) return false;
    server->counters.answers++;
    server->counters.errors++;
    send_body(server, lsp_encode_error(id, code, text));
    free(id);
    return true;
}

void lsp_notify(struct lsp_server *server, const char *method, cJSON *params)
{
    send_body(server, lsp_encode_notification(method, params));
}

void lsp_ask(struct lsp_server *server, enum lsp_asked what, const char *method, cJSON *params)
{
    for (size_t i = 0; i < LSP_MAX_ASKED; i++) {
        if (server->asked[i].id != 0) continue;
        server->asked[i].id = ++server->last_asked;
        server->asked[i].what = what;
        send_body(server, lsp_encode_request(server->last_asked, method, params));
        return;
    }
    cJSON_Delete(params); /* the client answers nothing: no use in asking more */
}

void lsp_log(struct lsp_server *server, enum lsp_log_level level, const char *format, ...)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    static const enum lsp_message_type types[] = {LSP_SHOW_ERROR, LSP_SHOW_WARNING, LSP_SHOW_INFO,
                                                  LSP_SHOW_LOG};
    char line[MAX_LOG_LINE];
    va_list args;
    if ((int)level > server->log_level) return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    dprintf(server->channel.log, "espalier: %s: %s\n", names[level], line);
    if (server->phase == LSP_PHASE_RUNNING)
        lsp_notify(server, "window/logMessage", lsp_write_message(types[level], line));
}

/* ---- Dispatch ---------------------------------------------------------------------- */

struct request_row {
    const char *method;
    void (*handle)(struct lsp_server *server, struct lsp_message *message, uint64_t ticket);
};
static const struct request_row request_rows[] = {
    {"initialize", lsp_on_initialize},
    {"shutdown", lsp_on_shutdown},
    {"textDocument/inlineCompletion", lsp_on_inline_completion},
    {"textDocument/completion", lsp_on_completion},
    {"textDocument/codeAction", lsp_on_code_action},
    {"codeAction/resolve", lsp_on_resolve_action},
    {"textDocument/diagnostic", lsp_on_diagnostic},
    {"workspace/executeCommand", lsp_on_execute_command},
    {"espalier/status", lsp_on_status},
};

struct notification_row {
    const char *method;
    void (*handle)(struct lsp_server *server, struct lsp_message *message);
};
static const struct notification_row notification_rows[] = {
    {"initialized", lsp_on_initialized},
    {"exit", lsp_on_exit},
    {"textDocument/didOpen", lsp_on_open},
    {"textDocument/didChange", lsp_on_change},
    {"textDocument/didClose", lsp_on_close},
    {"textDocument/didSave", lsp_on_save},
    {"$/cancelRequest", lsp_on_cancel},
    {"workspace/didChangeConfiguration", lsp_on_configuration},
    {"workspace/didChangeWorkspaceFolders", lsp_on_folders},
    {"workspace/didChangeWatchedFiles", lsp_on_watched_files},
    {"espalier/didShowCompletion", lsp_on_did_show},
    {"espalier/didPartiallyAcceptCompletion", lsp_on_partially_accepted},
};

static void dispatch_request(struct lsp_server *server, struct lsp_message *message)
{
    struct lsp_error err;
    uint64_t ticket;
    server->counters.requests++;
    if (!lsp_requests_open(&server->requests, message->id, &ticket, &err)) {
        server->counters.invalid++;
        send_body(server, lsp_encode_error(message->id, LSP_INVALID_REQUEST, err.text));
        return;
    }
    bool initialize = strcmp(message->method, "initialize") == 0;
    if (server->phase == LSP_PHASE_SHUTDOWN) {
        lsp_answer_error(server, ticket, LSP_INVALID_REQUEST, "the server was shut down");
        return;
    }
    if (initialize != (server->phase == LSP_PHASE_NEW)) {
        lsp_answer_error(server, ticket,
                         initialize ? LSP_INVALID_REQUEST : LSP_SERVER_NOT_INITIALIZED,
                         initialize ? "the server was initialized before"
                                    : "the first request has to be initialize");
        return;
    }
    for (size_t i = 0; i < sizeof request_rows / sizeof *request_rows; i++) {
        if (strcmp(request_rows[i].method, message->method) == 0) {
            request_rows[i].handle(server, message, ticket);
            return;
        }
    }
    snprintf(err.text, sizeof err.text, "unknown method %.200s", message->method);
    lsp_answer_error(server, ticket, LSP_METHOD_NOT_FOUND, err.text);
}

static void dispatch_notification(struct lsp_server *server, struct lsp_message *message)
{
    bool is_exit = strcmp(message->method, "exit") == 0;
    bool open = server->phase == LSP_PHASE_INITIALIZED || server->phase == LSP_PHASE_RUNNING;
    server->counters.notifications++;
    if (!open && !is_exit) return;
    for (size_t i = 0; i < sizeof notification_rows / sizeof *notification_rows; i++) {
        if (strcmp(notification_rows[i].method, message->method) == 0) {
            notification_rows[i].handle(server, message);
            return;
        }
    }
}

static void dispatch_response(struct lsp_server *server, struct lsp_message *message)
{
    char *end;
    unsigned long long id = strtoull(message->id, &end, 10);
    for (size_t i = 0; *end == 0 && i < LSP_MAX_ASKED; i++) {
        if (server->asked[i].id == 0 || server->asked[i].id != id) continue;
        server->asked[i].id = 0;
        if (server->phase != LSP_PHASE_SHUTDOWN)
            lsp_on_answer(server, server->asked[i].what, message);
        return;
    }
    lsp_log(server, LSP_LOG_WARN, "answer to a request that was not sent (id %.40s)", message->id);
}

static void handle_body(struct lsp_server *server, char *body, size_t len)
{
    struct lsp_message message;
    struct lsp_error err;
    enum lsp_code code;
    bool answer;
    if (!lsp_message_decode(&message, body, len, &code, &answer, &err)) {
        server->counters.invalid++;
        lsp_log(server, LSP_LOG_ERROR, "%s", err.text);
        if (answer) send_body(server, lsp_encode_error(message.id, code, err.text));
    } else {
        snprintf(server->turn_what, sizeof server->turn_what, "%s", message.method);
        if (message.kind == LSP_REQUEST)
            dispatch_request(server, &message);
        else if (message.kind == LSP_NOTIFICATION)
            dispatch_notification(server, &message);
        else
            dispatch_response(server, &message);
    }
    lsp_message_free(&message);
}

/* ---- Bytes in ---------------------------------------------------------------------- */

static void on_bytes(void *user, const char *bytes, size_t len)
{
    struct lsp_server *server = user;
    while (len > 0 && server->phase != LSP_PHASE_ENDED) {
        struct lsp_error err;
        size_t used, body_len;
        enum lsp_frame_event event = lsp_frame_feed(&server->frame, bytes, len, &used, &err);
        bytes += used;
        len -= used;
        switch (event) {
        case LSP_FRAME_MORE:
            break;
        case LSP_FRAME_MESSAGE: {
            char *body = lsp_frame_take(&server->frame, &body_len);
            handle_body(server, body, body_len);
            break;
        }
        case LSP_FRAME_TOO_LARGE:
            server->counters.invalid++;
            lsp_log(server, LSP_LOG_ERROR, "%s", err.text);
            send_body(server, lsp_encode_error("null", LSP_INVALID_REQUEST, err.text));
            break;
        case LSP_FRAME_BROKEN:
        case LSP_FRAME_NO_MEMORY:
            lsp_log(server, LSP_LOG_ERROR, "%s", err.text);
            send_body(server, lsp_encode_error("null", LSP_PARSE_ERROR, err.text));
            lsp_end(server, 1);
            break;
        }
    }
}

static void on_end(void *user, const char *why)
{
    struct lsp_server *server = user;
    if (server->phase == LSP_PHASE_ENDED) return;
    if (why || !lsp_frame_is_idle(&server->frame))
        dprintf(server->channel.log, "espalier: error: the client's stream ended: %s\n",
                why ? why : "in the middle of a message");
    lsp_end(server, server->phase == LSP_PHASE_SHUTDOWN && !why ? 0 : 1);
}

static void on_outcome(void *user, struct lsp_outcome *outcome)
{
    struct lsp_server *server = user;
    static const char *const names[] = {"model loaded", "completion computed", "prefilled",
                                        "files near by read"};
    snprintf(server->turn_what, sizeof server->turn_what, "%s", names[outcome->kind]);
    if (outcome->kind == LSP_JOB_LOAD)
        lsp_on_loaded(server, outcome);
    else if (outcome->kind == LSP_JOB_COMPLETE)
        lsp_on_completed(server, outcome);
    else if (outcome->kind == LSP_JOB_PREFILL)
        lsp_on_prefilled(server, outcome);
    else
        lsp_on_shelved(server, outcome);
    asst_result_free(&outcome->result);
}

/* ---- Between messages -------------------------------------------------------------- */

/* Some clients send their request right behind the change: then it is worth more than a
 * prefill, which would do the same work once more. */
static void on_lull(uv_timer_t *timer)
{
    struct lsp_server *server = timer->data;
    if (!server->turn_what[0]) snprintf(server->turn_what, sizeof server->turn_what, "prefill");
    lsp_prefill(server);
}

static void on_work(uv_idle_t *idle)
{
    struct lsp_server *server = idle->data;
    if (!server->turn_what[0]) snprintf(server->turn_what, sizeof server->turn_what, "parsing");
    if (server->completion.ticket && !server->completion.posted &&
        server->model_state != LSP_MODEL_LOADING) {
        lsp_continue_completion(server);
        return;
    }
    if (!lsp_documents_parse(server->documents, PARSE_SLICE_US)) return;
    uv_idle_stop(idle);
    if (server->prefill_uri) uv_timer_start(&server->lull, on_lull, PREFILL_LULL_MS, 0);
}

void lsp_schedule_work(struct lsp_server *server)
{
    if (server->phase != LSP_PHASE_ENDED) uv_idle_start(&server->work, on_work);
}

/* Processor time of the calling thread. */
static double thread_ms(void)
{
    struct timespec t = {0};
#ifdef CLOCK_THREAD_CPUTIME_ID
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
#endif
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Runs once a turn, before the loop waits for input: the time since the last one less the
 * time spent waiting is the turn's work. On a machine with much else to do a part of it is spent
 * in waiting for a processor. */
static void on_turn(uv_prepare_t *prepare)
{
    struct lsp_server *server = prepare->data;
    uint64_t now = uv_hrtime(), idle = uv_metrics_idle_time(&server->loop);
    double ms = ((double)(now - server->turn_time) - (double)(idle - server->turn_idle)) / 1e6;
    double cpu = thread_ms(), cpu_ms = cpu - server->turn_cpu_ms;
    server->turn_time = now;
    server->turn_idle = idle;
    server->turn_cpu_ms = cpu;
    if (ms > server->longest_turn_ms) server->longest_turn_ms = ms;
    if (cpu_ms > server->longest_computing_ms) server->longest_computing_ms = cpu_ms;
    if (ms > SLOW_TURN_MS) {
        server->counters.slow_turns++;
        lsp_log(server, LSP_LOG_WARN, "the loop was busy for %.0f ms, computing for %.0f (%s)", ms,
                cpu_ms, server->turn_what);
    }
    server->turn_what[0] = 0;
}

/* ---- The end ----------------------------------------------------------------------- */

static void close_all(struct lsp_server *server)
{
    if (uv_is_closing((uv_handle_t *)&server->turn)) return;
    lsp_listener_close(server->listener);
    lsp_transport_close(server->transport);
    lsp_worker_stop(server->worker);
    lsp_indexer_stop(server->indexer);
    lsp_reviewer_stop(server->reviewer);
    uv_close((uv_handle_t *)&server->work, NULL);
    uv_close((uv_handle_t *)&server->turn, NULL);
    uv_close((uv_handle_t *)&server->lull, NULL);
    uv_close((uv_handle_t *)&server->review_lull, NULL);
    lsp_forget_parent(server);
    uv_close((uv_handle_t *)&server->last_words, NULL);
    if (server->channel.control >= 0) uv_close((uv_handle_t *)&server->control, NULL);
    lsp_feedback_close(server);
    for (size_t i = 0; i < sizeof server->signals / sizeof *server->signals; i++)
        uv_close((uv_handle_t *)&server->signals[i], NULL);
}

static void on_last_words(uv_timer_t *timer)
{
    struct lsp_server *server = timer->data;
    close_all(server);
}

static void on_last_turn(uv_prepare_t *prepare)
{
    struct lsp_server *server = prepare->data;
    if (lsp_transport_unsent(server->transport) == 0) close_all(server);
}

void lsp_end(struct lsp_server *server, int exit_code)
{
    if (server->phase == LSP_PHASE_ENDED) return;
    server->phase = LSP_PHASE_ENDED;
    server->exit_code = exit_code;
    uv_idle_stop(&server->work);
    uv_timer_stop(&server->lull);
    uv_timer_stop(&server->review_lull);
    uv_prepare_stop(&server->turn);
    uv_prepare_start(&server->turn, on_last_turn);
    uv_timer_start(&server->last_words, on_last_words, LAST_WORDS_MS, 0);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct lsp_server *server = handle->data;
    if (number != SIGPIPE) /* a write to a client that is gone fails with an error instead */
        lsp_end(server, server->phase == LSP_PHASE_SHUTDOWN ? 0 : 1);
}

/* ---- The start --------------------------------------------------------------------- */

static void start_handles(struct lsp_server *server)
{
    static const int numbers[] = {SIGPIPE, SIGINT, SIGTERM};
    uv_idle_init(&server->loop, &server->work);
    uv_prepare_init(&server->loop, &server->turn);
    uv_timer_init(&server->loop, &server->lull);
    uv_timer_init(&server->loop, &server->review_lull);
    uv_timer_init(&server->loop, &server->parent);
    uv_timer_init(&server->loop, &server->last_words);
    server->work.data = server->turn.data = server->lull.data = server;
    server->review_lull.data = server;
    server->parent.data = server->last_words.data = server;
    uv_unref((uv_handle_t *)&server->parent);
    server->parent_fd = -1;
    if (server->channel.control >= 0) {
        uv_pipe_init(&server->loop, &server->control, 0);
        server->control.data = server;
    }
    lsp_feedback_init(server);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uv_signal_init(&server->loop, &server->signals[i]);
        server->signals[i].data = server;
        uv_signal_start(&server->signals[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&server->signals[i]);
    }
    server->turn_time = uv_hrtime();
    server->turn_idle = uv_metrics_idle_time(&server->loop);
    server->turn_cpu_ms = thread_ms();
    uv_prepare_start(&server->turn, on_turn);
}

static bool open_transport(struct lsp_server *server, int in, int out, struct lsp_error *err)
{
    const struct lsp_transport_events events = {on_bytes, on_end, server};
    return lsp_transport_open(&server->loop, in, out, &events, &server->transport, err);
}

/* One client is served: nobody else gets in. */
static void on_client(void *user, int fd)
{
    struct lsp_server *server = user;
    struct lsp_error err;
    lsp_listener_close(server->listener);
    if (open_transport(server, fd, fd, &err)) return;
    lsp_log(server, LSP_LOG_ERROR, "%s", err.text);
    lsp_end(server, 1);
}

static bool start_transport(struct lsp_server *server, struct lsp_error *err)
{
    const struct lsp_serve_options *options = server->options;
    const struct lsp_listener_events events = {on_client, server};
    if (server->channel.in >= 0)
        return open_transport(server, server->channel.in, server->channel.out, err);
    bool ok =
        options->transport == LSP_SOCKET
            ? lsp_listener_socket(&server->loop, options->address, &events, &server->listener, err)
            : lsp_listener_tcp(&server->loop, options->address, options->allow_remote, &events,
                               &server->listener, err);
    if (ok)
        dprintf(server->channel.log, "espalier: listening on %s\n",
                lsp_listener_address(server->listener));
    return ok;
}

static void on_control_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct lsp_server *server = handle->data;
    (void)suggested;
    *out = uv_buf_init(server->control_bytes, sizeof server->control_bytes);
}

static void on_control(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    (void)buffer;
    if (n < 0) lsp_end(stream->data, 1); /* its process is gone, whatever its pipes say */
}

static bool watch_control(struct lsp_server *server, struct lsp_error *err)
{
    if (server->channel.control < 0) return true;
    int fd = fcntl(server->channel.control, F_DUPFD_CLOEXEC, 3);
    int status = fd < 0 ? UV_EMFILE : uv_pipe_open(&server->control, fd);
    if (status == 0)
        status = uv_read_start((uv_stream_t *)&server->control, on_control_alloc, on_control);
    else if (fd >= 0)
        close(fd);
    return status == 0 || lsp_fail(err, "the client's process: %s", uv_strerror(status));
}

static bool start(struct lsp_server *server, struct lsp_error *err)
{
    start_handles(server);
    if (!watch_control(server, err)) return false;
    server->documents = lsp_documents_new();
    server->completer = server->options->completer;
    if (!server->completer)
        server->completer = server->own_completer = lsp_completer_new(server->channel.models);
    if (!server->documents || !server->completer) return lsp_fail(err, "out of memory");
    if (!server->channel.rulebook) server->channel.rulebook = server->own_book = lsp_rulebook_new();
    if (!server->channel.rulebook) return lsp_fail(err, "out of memory");
    const struct lsp_reviewer_sources reviews = {server->channel.rulebook, server->channel.models};
    return lsp_worker_start(&server->loop, server->completer, on_outcome, server, &server->worker,
                            err) &&
           lsp_indexer_start(&server->loop, server->channel.indexes, lsp_on_index_news, server,
                             &server->indexer, err) &&
           lsp_reviewer_start(&server->loop, &reviews, lsp_on_reviewed, server, &server->reviewer,
                              err) &&
           start_transport(server, err);
}

static void free_server(struct lsp_server *server)
{
    lsp_documents_free(server->documents);
    lsp_feedback_finish(server);
    uv_loop_close(&server->loop);
    lsp_worker_free(server->worker);
    lsp_indexer_free(server->indexer);
    lsp_reviewer_free(server->reviewer);
    lsp_rulebook_free(server->own_book);
    free(server->context);
    lsp_clear_shelf(server);
    free(server->active_uri);
    lsp_listener_free(server->listener);
    lsp_transport_free(server->transport);
    lsp_completer_free(server->own_completer);
    lsp_requests_free(&server->requests);
    lsp_frame_free(&server->frame);
    free(server->completion.uri);
    free(server->completion.lead);
    free(server->prefill_uri);
    lsp_free_lifecycle(server);
    lsp_pulls_free(server);
    free(server);
}

static int refuse(struct lsp_serve_error *err, const char *why)
{
    snprintf(err->text, sizeof err->text, "serve: %s", why);
    return 2;
}

int lsp_serve_channel(const struct lsp_serve_options *options, const struct lsp_channel *channel,
                      struct lsp_serve_error *err)
{
    struct lsp_server *server = calloc(1, sizeof *server);
    if (!server) return refuse(err, "out of memory");
    server->options = options;
    server->channel = *channel;
    server->log_level = options->log_level >= 0 ? options->log_level : LSP_LOG_WARN;
    lsp_config_defaults(&server->config);
    lsp_frame_init(&server->frame, 0);
    if (uv_loop_init(&server->loop)) {
        free(server);
        return refuse(err, "the event loop cannot be started");
    }
    uv_loop_configure(&server->loop, UV_METRICS_IDLE_TIME);
    struct lsp_error why;
    bool started = start(server, &why);
    if (!started) close_all(server);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    int exit_code = started ? server->exit_code : refuse(err, why.text);
    free_server(server);
    return exit_code;
}
