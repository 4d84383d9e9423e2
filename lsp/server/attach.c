/* attach.c: one line of JSON, and descriptors beside it.
 *
 * The line comes from a process of the same user, and is checked like everything from outside: it
 * may be another version's, or nobody's. What is wrong is refused with its name.
 */
#include "lsp/server/attach.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char start_word[] = "espalier-attach ";

/* ---- The line ---------------------------------------------------------------------- */

char *lsp_attach_write(const struct lsp_attach *attach)
{
    cJSON *json = cJSON_CreateObject();
    bool ok = json && cJSON_AddStringToObject(json, "config", attach->config) &&
              cJSON_AddStringToObject(json, "model", attach->model) &&
              cJSON_AddStringToObject(json, "defaultModel", attach->default_model) &&
              cJSON_AddNumberToObject(json, "threads", attach->threads) &&
              cJSON_AddNumberToObject(json, "logLevel", attach->log_level);
    cJSON *policy = ok && attach->has_attention ? cJSON_AddObjectToObject(json, "attention") : NULL;
    if (ok && attach->has_attention)
        ok = policy && cJSON_AddNumberToObject(policy, "kind", attach->attention.kind) &&
             cJSON_AddNumberToObject(policy, "window", attach->attention.window) &&
             cJSON_AddNumberToObject(policy, "margin", (double)attach->attention.margin);
    char *text = ok ? cJSON_PrintUnformatted(json) : NULL, *line = NULL;
    size_t len = text ? strlen(text) : 0;
    if (text) line = malloc(sizeof start_word + len + 1);
    if (line) snprintf(line, sizeof start_word + len + 1, "%s%s\n", start_word, text);
    cJSON_free(text);
    cJSON_Delete(json);
    return line;
}

static bool read_text(const cJSON *json, const char *name, char out[LSP_CONFIG_PATH_MAX],
                      struct lsp_error *err)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);
    out[0] = 0;
    if (!item) return true;
    if (!cJSON_IsString(item)) return lsp_fail(err, "attach: %s is no string", name);
    if (strlen(item->valuestring) >= LSP_CONFIG_PATH_MAX)
        return lsp_fail(err, "attach: %s is longer than %d bytes", name, LSP_CONFIG_PATH_MAX - 1);
    strcpy(out, item->valuestring);
    return true;
}

static bool read_integer(const cJSON *json, const char *name, double low, double high,
                         double missing, double *out, struct lsp_error *err)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);
    *out = missing;
    if (!item) return true;
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= low && item->valuedouble <= high) ||
        item->valuedouble != floor(item->valuedouble))
        return lsp_fail(err, "attach: %s is no integer of %.0f to %.0f", name, low, high);
    *out = item->valuedouble;
    return true;
}

static bool read_attention(const cJSON *json, struct lsp_attach *out, struct lsp_error *err)
{
    const cJSON *policy = cJSON_GetObjectItemCaseSensitive(json, "attention");
    double kind, window;
    if (!policy) return true;
    const cJSON *margin = cJSON_GetObjectItemCaseSensitive(policy, "margin");
    if (!cJSON_IsObject(policy)) return lsp_fail(err, "attach: attention is no object");
    if (!read_integer(policy, "kind", 0, ENG_POLICY_THRESHOLD, 0, &kind, err) ||
        !read_integer(policy, "window", 0, UINT32_MAX, 0, &window, err))
        return false;
    if (margin && !(cJSON_IsNumber(margin) && fabs(margin->valuedouble) < 1e30))
        return lsp_fail(err, "attach: margin is no finite number");
    out->has_attention = true;
    out->attention = (struct eng_policy){(enum eng_policy_kind)kind, (uint32_t)window,
                                         margin ? (float)margin->valuedouble : 0};
    return true;
}

bool lsp_attach_read(const char *line, size_t len, struct lsp_attach *out, struct lsp_error *err)
{
    const size_t skip = sizeof start_word - 1;
    double threads, log_level;
    memset(out, 0, sizeof *out);
    if (len < skip || memcmp(line, start_word, skip) != 0)
        return lsp_fail(err, "attach: a line '%s{...}' was expected", start_word);
    cJSON *json = cJSON_ParseWithLength(line + skip, len - skip);
    bool ok = cJSON_IsObject(json) || lsp_fail(err, "attach: no JSON object");
    ok = ok && read_text(json, "config", out->config, err) &&
         read_text(json, "model", out->model, err) &&
         read_text(json, "defaultModel", out->default_model, err) &&
         read_integer(json, "threads", -1, 1024, -1, &threads, err) &&
         read_integer(json, "logLevel", -1, 8, -1, &log_level, err) &&
         read_attention(json, out, err);
    if (ok) {
        out->threads = (int)threads;
        out->log_level = (int)log_level;
    }
    cJSON_Delete(json);
    return ok;
}

/* ---- Over a socket ----------------------------------------------------------------- */

bool lsp_wait_readable(int socket, int timeout_ms)
{
    struct pollfd wait = {.fd = socket, .events = POLLIN};
    int n;
    do
        n = poll(&wait, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

union descriptors {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(LSP_ATTACH_STREAMS * sizeof(int))];
};

bool lsp_attach_send(int socket, const struct lsp_attach *attach,
                     const int streams[LSP_ATTACH_STREAMS], struct lsp_error *err)
{
    char *line = lsp_attach_write(attach);
    if (!line) return lsp_fail(err, "out of memory");
    union descriptors control;
    struct iovec bytes = {line, strlen(line)};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    memset(&control, 0, sizeof control);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(LSP_ATTACH_STREAMS * sizeof(int));
    memcpy(CMSG_DATA(header), streams, LSP_ATTACH_STREAMS * sizeof(int));
    size_t left = bytes.iov_len;
    while (left > 0) {
        ssize_t n = sendmsg(socket, &message, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        bytes.iov_base = (char *)bytes.iov_base + n;
        bytes.iov_len = left -= (size_t)n;
        message.msg_control = NULL; /* they have gone with the first byte */
        message.msg_controllen = 0;
    }
    free(line);
    return left == 0 || lsp_fail(err, "the daemon does not listen: %s", strerror(errno));
}

/* Takes what descriptors came with a message; more than are wanted are closed. */
static void take_descriptors(struct msghdr *message, int streams[LSP_ATTACH_STREAMS], size_t *n)
{
    for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h; h = CMSG_NXTHDR(message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
            if (*n < LSP_ATTACH_STREAMS)
                streams[(*n)++] = fd;
            else
                close(fd);
        }
    }
}

/* Reads up to the end of the line; *len is without it. False when there was none. */
static bool receive_line(int socket, int timeout_ms, char *line, size_t *len,
                         int streams[LSP_ATTACH_STREAMS], size_t *n_streams)
{
    size_t have = 0;
    while (have < LSP_ATTACH_MAX && lsp_wait_readable(socket, timeout_ms)) {
        union descriptors control;
        struct iovec bytes = {line + have, LSP_ATTACH_MAX - have};
        struct msghdr message = {.msg_iov = &bytes,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = sizeof control.bytes};
        ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n <= 0) return false;
        take_descriptors(&message, streams, n_streams);
        have += (size_t)n;
        char *end = memchr(line, '\n', have);
        if (end) {
            *len = (size_t)(end - line);
            return true;
        }
    }
    return false;
}

bool lsp_attach_receive(int socket, int timeout_ms, struct lsp_attach *out,
                        int streams[LSP_ATTACH_STREAMS], struct lsp_error *err)
{
    size_t len = 0, n_streams = 0;
    char *line = malloc(LSP_ATTACH_MAX);
    bool ok = line || lsp_fail(err, "out of memory");
    ok = ok && (receive_line(socket, timeout_ms, line, &len, streams, &n_streams) ||
                lsp_fail(err, "attach: no line of at most %u bytes came", LSP_ATTACH_MAX));
    ok = ok && lsp_attach_read(line, len, out, err);
    if (ok && n_streams != LSP_ATTACH_STREAMS)
        ok = lsp_fail(err, "attach: %zu descriptors came, not %d", n_streams, LSP_ATTACH_STREAMS);
    for (size_t i = 0; !ok && i < n_streams; i++)
        close(streams[i]);
    free(line);
    return ok;
}
