/* A small language client. Reads with poll and a timeout, so that a server that hangs fails
 * the test instead of hanging it too. */
#include "tests/server/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_INBOX (64u * 1024u * 1024u)

void client_fail(const struct client *client, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%s: ", client->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    if (client->pid > 0) kill(client->pid, SIGKILL);
    exit(1);
}

void client_start(struct client *client, const char *name, char *const argv[])
{
    int in[2], out[2];
    memset(client, 0, sizeof *client);
    client->name = name;
    signal(SIGPIPE, SIG_IGN);
    if (pipe(in) || pipe(out)) client_fail(client, "pipe: %s", strerror(errno));
    client->pid = fork();
    if (client->pid < 0) client_fail(client, "fork: %s", strerror(errno));
    if (client->pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[0]);
        close(in[1]);
        close(out[0]);
        close(out[1]);
        signal(SIGPIPE, SIG_DFL);
        execv(argv[0], argv);
        fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    fcntl(in[1], F_SETFD, FD_CLOEXEC); /* the next client's server must not hold it open */
    fcntl(out[0], F_SETFD, FD_CLOEXEC);
    client->to = in[1];
    client->from = out[0];
}

/* ---- Sending ----------------------------------------------------------------------- */

void client_send_bytes(struct client *client, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(client->to, bytes, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) client_fail(client, "the server does not read: %s", strerror(errno));
        bytes += n;
        len -= (size_t)n;
    }
}

/* The id of a message as written; NULL when it has none. Enough for our own messages: no
 * nested "id" may come before it but inside strings and objects. */
static char *find_id(const char *json)
{
    int depth = 0;
    for (const char *at = json; *at; at++) {
        if (*at == '{' || *at == '[') depth++;
        if (*at == '}' || *at == ']') depth--;
        if (*at != '"') continue;
        const char *end = at + 1;
        while (*end && *end != '"')
            end += *end == '\\' && end[1] ? 2 : 1;
        if (!*end) return NULL;
        if (depth == 1 && strncmp(at, "\"id\":", 5) == 0) {
            const char *start = at + 5;
            start += strspn(start, " ");
            size_t len = strcspn(start, ",}");
            if (*start == '"') {
                const char *close = start + 1;
                while (*close && *close != '"')
                    close += *close == '\\' && close[1] ? 2 : 1;
                len = (size_t)(close + 1 - start);
            }
            return strndup(start, len);
        }
        at = end;
    }
    return NULL;
}

static bool has_member(const char *json, const char *name)
{
    cJSON *parsed = cJSON_Parse(json);
    bool has = cJSON_GetObjectItemCaseSensitive(parsed, name) != NULL;
    cJSON_Delete(parsed);
    return has;
}

void client_send(struct client *client, const char *json)
{
    char header[64];
    char *id = find_id(json);
    if (id && has_member(json, "method")) {
        if (client->n_ids == CLIENT_MAX_IDS) client_fail(client, "too many requests");
        client->ids[client->n_ids].answered = false;
        client->ids[client->n_ids++].id = id;
    } else {
        free(id);
    }
    int n = snprintf(header, sizeof header, "Content-Length: %zu\r\n\r\n", strlen(json));
    client_send_bytes(client, header, (size_t)n);
    client_send_bytes(client, json, strlen(json));
}

void client_sendf(struct client *client, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *text = malloc((size_t)n + 1);
    if (!text) client_fail(client, "out of memory");
    vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    va_end(args);
    client_send(client, text);
    free(text);
}

char *client_quote(const char *text)
{
    cJSON *string = cJSON_CreateString(text);
    char *quoted = cJSON_PrintUnformatted(string);
    cJSON_Delete(string);
    return quoted;
}

/* ---- Receiving --------------------------------------------------------------------- */

static void note_answer(struct client *client, const char *body)
{
    bool result = has_member(body, "result"), error = has_member(body, "error");
    char *id = find_id(body);
    if (has_member(body, "method")) {
        free(id);
        return;
    }
    if (result == error) client_fail(client, "not exactly one of result and error: %s", body);
    if (!id) client_fail(client, "answer without id: %s", body);
    bool known = strcmp(id, "null") == 0 && error;
    for (size_t i = 0; i < client->n_ids && !known; i++) {
        if (client->ids[i].answered || strcmp(client->ids[i].id, id) != 0) continue;
        client->ids[i].answered = known = true;
        client->n_answered++;
    }
    if (!known) client_fail(client, "answer to no open request: %s", body);
    free(id);
}

/* Cuts the first message out of the inbox, NULL when it is not complete. */
static char *take_message(struct client *client)
{
    static const char name[] = "Content-Length: ";
    if (client->inbox_len == 0) return NULL;
    client->inbox[client->inbox_len] = 0;
    char *end = strstr(client->inbox, "\r\n\r\n");
    if (!end) return NULL;
    if (strncmp(client->inbox, name, sizeof name - 1) != 0)
        client_fail(client, "the server wrote something that is no frame: %.80s", client->inbox);
    size_t len = strtoul(client->inbox + sizeof name - 1, NULL, 10);
    size_t header = (size_t)(end + 4 - client->inbox);
    if (client->inbox_len - header < len) return NULL;
    char *body = strndup(client->inbox + header, len);
    client->inbox_len -= header + len;
    memmove(client->inbox, client->inbox + header + len, client->inbox_len);
    return body;
}

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads what is there. False at the end of the stream. */
static bool fill_inbox(struct client *client)
{
    if (client->inbox_capacity - client->inbox_len < 65537) {
        client->inbox_capacity = client->inbox_capacity * 2 + 131072;
        if (client->inbox_capacity > MAX_INBOX) client_fail(client, "the server floods us");
        client->inbox = realloc(client->inbox, client->inbox_capacity);
        if (!client->inbox) client_fail(client, "out of memory");
    }
    ssize_t n = read(client->from, client->inbox + client->inbox_len, 65536);
    if (n > 0) client->inbox_len += (size_t)n;
    return n > 0 || (n < 0 && errno == EINTR);
}

char *client_receive(struct client *client, int timeout_ms, bool *timed_out)
{
    long deadline = now_ms() + timeout_ms;
    *timed_out = false;
    for (;;) {
        char *body = take_message(client);
        if (body) {
            note_answer(client, body);
            return body;
        }
        long left = deadline - now_ms();
        struct pollfd poll_fd = {.fd = client->from, .events = POLLIN};
        if (left < 0 || poll(&poll_fd, 1, (int)left) == 0) {
            *timed_out = true;
            return NULL;
        }
        if (!fill_inbox(client)) return NULL;
    }
}

size_t client_unanswered(const struct client *client)
{
    return client->n_ids - client->n_answered;
}

int client_finish(struct client *client)
{
    int status = 0;
    if (client->to >= 0) close(client->to);
    close(client->from);
    client->to = client->from = -1;
    waitpid(client->pid, &status, 0);
    client->pid = 0;
    for (size_t i = 0; i < client->n_ids; i++)
        free(client->ids[i].id);
    free(client->inbox);
    client->n_ids = client->n_answered = 0;
    client->inbox = NULL;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

cJSON *client_ask(struct client *client, int id, const char *method, const char *params)
{
    client_sendf(client, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":%s}", id,
                 method, params);
    for (;;) {
        bool timed_out = false;
        char *body = client_receive(client, CLIENT_ANSWER_MS, &timed_out);
        if (!body) client_fail(client, "no answer to %s", method);
        cJSON *message = cJSON_Parse(body);
        free(body);
        const cJSON *answered = cJSON_GetObjectItemCaseSensitive(message, "id");
        bool request = cJSON_HasObjectItem(message, "method");
        if (!request && cJSON_IsNumber(answered) && answered->valueint == id) {
            cJSON *result = cJSON_DetachItemFromObjectCaseSensitive(message, "result");
            cJSON_Delete(message);
            if (!result) client_fail(client, "%s has no result", method);
            return result;
        }
        cJSON_Delete(message);
    }
}
