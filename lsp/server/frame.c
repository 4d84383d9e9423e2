/* frame.c: the base protocol's framing as an incremental decoder.
 *
 * Owns the header bytes of the message being read and its body. It does not look into the
 * body, does not resynchronise after a broken header (any guess could execute half of one
 * message as another) and does not care who sends: limits are the same for all.
 *
 * Header names must be HTTP tokens. That keeps a web page from speaking to a server that
 * listens on a local port: the first line of an HTTP request has a blank before its first
 * colon, and ends the connection here.
 */
#include "lsp/server/frame.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIRST_CAPACITY (64u * 1024u)

void lsp_frame_init(struct lsp_frame *frame, size_t max_body)
{
    memset(frame, 0, sizeof *frame);
    frame->max_body = max_body ? max_body : LSP_FRAME_MAX_BODY;
}

void lsp_frame_free(struct lsp_frame *frame)
{
    free(frame->body);
    lsp_frame_init(frame, frame->max_body);
}

bool lsp_frame_is_idle(const struct lsp_frame *frame)
{
    return frame->state == LSP_FRAME_HEADER && frame->header_len == 0;
}

/* Printable form of a header line for a message, without what a terminal would obey. */
static void quote(char *out, size_t capacity, const char *line, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + 1 < capacity; i++)
        out[n++] = line[i] >= 0x20 && line[i] < 0x7f ? line[i] : '?';
    out[n] = 0;
}

static bool is_token(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool read_length(struct lsp_frame *frame, const char *value, size_t len,
                        struct lsp_error *err)
{
    char shown[64];
    quote(shown, sizeof shown, value, len);
    if (frame->has_length) return lsp_fail(err, "second Content-Length (%s) in one header", shown);
    uint64_t number = 0;
    for (size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '9')
            return lsp_fail(err, "Content-Length is '%s', expected decimal digits", shown);
        unsigned digit = (unsigned)(value[i] - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return lsp_fail(err, "Content-Length %s does not fit 64 bits", shown);
        number = number * 10 + digit;
    }
    if (len == 0) return lsp_fail(err, "Content-Length is empty, expected decimal digits");
    frame->has_length = true;
    frame->length = number;
    return true;
}

/* One header line, without its line end. */
static bool read_line(struct lsp_frame *frame, const char *line, size_t len, struct lsp_error *err)
{
    size_t colon = 0;
    while (colon < len && is_token(line[colon]))
        colon++;
    if (colon == 0 || colon == len || line[colon] != ':') {
        char shown[64];
        quote(shown, sizeof shown, line, len);
        return lsp_fail(err, "header line '%s' is not 'Name: value'", shown);
    }
    const char *value = line + colon + 1;
    size_t value_len = len - colon - 1;
    while (value_len && (*value == ' ' || *value == '\t'))
        value++, value_len--;
    while (value_len && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
        value_len--;
    static const char name[] = "Content-Length";
    if (colon == sizeof name - 1 && strncasecmp(line, name, colon) == 0)
        return read_length(frame, value, value_len, err);
    return true;
}

/* Takes one byte of the header; *done when it ended the header. */
static bool read_header_byte(struct lsp_frame *frame, char c, bool *done, struct lsp_error *err)
{
    if (frame->header_len == sizeof frame->header)
        return lsp_fail(err, "header longer than %u bytes", LSP_FRAME_MAX_HEADER);
    frame->header[frame->header_len++] = c;
    if (c != '\n') return true;
    size_t end = frame->header_len - 1;
    if (end == frame->line_start || frame->header[end - 1] != '\r')
        return lsp_fail(err, "header line ends with \\n, expected \\r\\n");
    const char *line = frame->header + frame->line_start;
    size_t len = end - 1 - frame->line_start;
    frame->line_start = frame->header_len;
    if (len > 0) return read_line(frame, line, len, err);
    if (!frame->has_length) return lsp_fail(err, "header without Content-Length");
    *done = true;
    return true;
}

static void begin_message(struct lsp_frame *frame)
{
    frame->state = LSP_FRAME_HEADER;
    frame->header_len = frame->line_start = 0;
    frame->has_length = false;
}

/* Room for the bytes at hand, doubling, never above the announced length. */
static bool reserve(struct lsp_frame *frame, size_t more)
{
    size_t need = frame->body_len + more + 1; /* at most max_body + 1 */
    if (need <= frame->body_capacity) return true;
    size_t capacity = frame->body_capacity ? frame->body_capacity : FIRST_CAPACITY;
    while (capacity < need)
        capacity *= 2;
    if (capacity > frame->length + 1) capacity = (size_t)frame->length + 1;
    char *body = realloc(frame->body, capacity);
    if (!body) return false;
    frame->body = body;
    frame->body_capacity = capacity;
    return true;
}

static enum lsp_frame_event die(struct lsp_frame *frame, enum lsp_frame_event event)
{
    frame->state = LSP_FRAME_DEAD;
    return event;
}

/* The header is complete: decides what happens to the body. */
static enum lsp_frame_event begin_body(struct lsp_frame *frame, struct lsp_error *err)
{
    if (frame->length > frame->max_body) {
        frame->state = LSP_FRAME_SKIP;
        frame->left = frame->length;
        lsp_fail(err, "message of %llu bytes, at most %zu are read",
                 (unsigned long long)frame->length, frame->max_body);
        return LSP_FRAME_TOO_LARGE;
    }
    frame->state = LSP_FRAME_BODY;
    frame->body_len = 0;
    if (!reserve(frame, 0)) {
        lsp_fail(err, "out of memory for a message of %llu bytes",
                 (unsigned long long)frame->length);
        return die(frame, LSP_FRAME_NO_MEMORY);
    }
    return frame->length == 0 ? LSP_FRAME_MESSAGE : LSP_FRAME_MORE;
}

static enum lsp_frame_event feed_header(struct lsp_frame *frame, const char *bytes, size_t len,
                                        size_t *used, struct lsp_error *err)
{
    while (*used < len) {
        bool done = false;
        if (!read_header_byte(frame, bytes[(*used)++], &done, err))
            return die(frame, LSP_FRAME_BROKEN);
        if (done) return begin_body(frame, err);
    }
    return LSP_FRAME_MORE;
}

static enum lsp_frame_event feed_body(struct lsp_frame *frame, const char *bytes, size_t len,
                                      size_t *used, struct lsp_error *err)
{
    uint64_t want = frame->length - frame->body_len;
    size_t have = len - *used;
    size_t take = want < have ? (size_t)want : have;
    if (!reserve(frame, take)) {
        lsp_fail(err, "out of memory for a message of %llu bytes",
                 (unsigned long long)frame->length);
        return die(frame, LSP_FRAME_NO_MEMORY);
    }
    memcpy(frame->body + frame->body_len, bytes + *used, take);
    frame->body_len += take;
    *used += take;
    return frame->body_len == frame->length ? LSP_FRAME_MESSAGE : LSP_FRAME_MORE;
}

enum lsp_frame_event lsp_frame_feed(struct lsp_frame *frame, const char *bytes, size_t len,
                                    size_t *used, struct lsp_error *err)
{
    enum lsp_frame_event event = LSP_FRAME_MORE;
    *used = 0;
    while (event == LSP_FRAME_MORE && *used < len) {
        switch (frame->state) {
        case LSP_FRAME_HEADER:
            event = feed_header(frame, bytes, len, used, err);
            break;
        case LSP_FRAME_BODY:
            event = feed_body(frame, bytes, len, used, err);
            break;
        case LSP_FRAME_SKIP: {
            size_t have = len - *used;
            size_t take = frame->left < have ? (size_t)frame->left : have;
            frame->left -= take;
            *used += take;
            if (frame->left == 0) begin_message(frame);
            break;
        }
        case LSP_FRAME_DEAD:
            lsp_fail(err, "the stream is out of step since an earlier header");
            return LSP_FRAME_BROKEN;
        }
    }
    return event;
}

char *lsp_frame_take(struct lsp_frame *frame, size_t *len)
{
    char *body = frame->body;
    *len = frame->body_len;
    body[frame->body_len] = 0;
    frame->body = NULL;
    frame->body_len = frame->body_capacity = 0;
    begin_message(frame);
    return body;
}
