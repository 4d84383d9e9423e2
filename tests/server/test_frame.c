/* The frame decoder against data/frames.cases, with every case cut in several ways: what
 * comes out must not depend on how the bytes arrived. */
#include "lsp/server/frame.h"
#include "tests/server/cases.h"

#include <stdlib.h>
#include <string.h>

#define MAX_EVENTS 16

struct event {
    enum lsp_frame_event kind;
    char text[512];
    size_t len;
};

struct stream_case {
    char name[128];
    size_t limit;
    char in[4096];
    size_t in_len;
    struct event expected[MAX_EVENTS];
    size_t n;
    int idle; /* 1 idle, 0 inside, -1 not said */
};

static void check_event(const struct cases *cases, const struct stream_case *c, size_t index,
                        enum lsp_frame_event kind, struct lsp_frame *frame,
                        const struct lsp_error *err)
{
    if (index >= c->n) cases_fail(cases, "%s: one event too many (%d)", c->name, kind);
    const struct event *want = &c->expected[index];
    if (kind != want->kind)
        cases_fail(cases, "%s: event %zu is %d, expected %d: %s", c->name, index, kind, want->kind,
                   err->text);
    if (kind == LSP_FRAME_MESSAGE) {
        size_t len;
        char *body = lsp_frame_take(frame, &len);
        if (len != want->len || memcmp(body, want->text, len) != 0 || body[len] != 0)
            cases_fail(cases, "%s: message %zu is '%s'", c->name, index, body);
        free(body);
    } else if (!strstr(err->text, want->text)) {
        cases_fail(cases, "%s: the reason is '%s'", c->name, err->text);
    }
}

/* Feeds the stream in pieces of `piece` bytes. */
static void run(const struct cases *cases, const struct stream_case *c, size_t piece)
{
    struct lsp_frame frame;
    struct lsp_error err = {""};
    size_t events = 0;
    bool broken = false;
    lsp_frame_init(&frame, c->limit);
    for (size_t at = 0; at < c->in_len && !broken;) {
        size_t n = c->in_len - at < piece ? c->in_len - at : piece, used = 0;
        enum lsp_frame_event kind = lsp_frame_feed(&frame, c->in + at, n, &used, &err);
        if (used > n || (kind == LSP_FRAME_MORE && used != n))
            cases_fail(cases, "%s: used %zu of %zu bytes", c->name, used, n);
        at += used;
        if (kind != LSP_FRAME_MORE) check_event(cases, c, events++, kind, &frame, &err);
        broken = kind == LSP_FRAME_BROKEN;
    }
    if (events != c->n) cases_fail(cases, "%s: %zu events of %zu", c->name, events, c->n);
    if (broken) {
        size_t used;
        if (lsp_frame_feed(&frame, "Content-Length: 0\r\n\r\n", 21, &used, &err) !=
            LSP_FRAME_BROKEN)
            cases_fail(cases, "%s: a broken stream went on", c->name);
    } else if (c->idle >= 0 && lsp_frame_is_idle(&frame) != c->idle) {
        cases_fail(cases, "%s: idle is %d", c->name, !c->idle);
    }
    lsp_frame_free(&frame);
}

static void check(const struct cases *cases, const struct stream_case *c)
{
    static const size_t pieces[] = {1, 2, 3, 7, 16, 4096};
    for (size_t i = 0; c->name[0] && i < sizeof pieces / sizeof *pieces; i++)
        run(cases, c, pieces[i]);
}

static void add_event(struct stream_case *c, enum lsp_frame_event kind, const char *text)
{
    struct event *event = &c->expected[c->n++];
    event->kind = kind;
    if (kind == LSP_FRAME_MESSAGE) {
        event->len = cases_unescape(text, event->text);
    } else {
        snprintf(event->text, sizeof event->text, "%s", text);
    }
}

int main(int argc, char **argv)
{
    static struct cases cases;
    static struct stream_case c;
    size_t count = 0;
    cases_open(&cases, argc > 1 ? argv[1] : "frames.cases");
    while (cases_next(&cases)) {
        const char *word = cases.word;
        if (strcmp(word, "case") == 0) {
            check(&cases, &c);
            memset(&c, 0, sizeof c);
            snprintf(c.name, sizeof c.name, "%s", cases.rest);
            c.limit = 64;
            c.idle = -1;
            count++;
        } else if (strcmp(word, "in") == 0) {
            c.in_len += cases_unescape(cases.rest, c.in + c.in_len);
        } else if (strcmp(word, "limit") == 0) {
            c.limit = (size_t)atoi(cases.rest);
        } else if (strcmp(word, "message") == 0) {
            add_event(&c, LSP_FRAME_MESSAGE, cases.rest);
        } else if (strcmp(word, "skipped") == 0) {
            add_event(&c, LSP_FRAME_TOO_LARGE, cases.rest);
        } else if (strcmp(word, "broken") == 0) {
            add_event(&c, LSP_FRAME_BROKEN, cases.rest);
        } else if (strcmp(word, "idle") == 0 || strcmp(word, "inside") == 0) {
            c.idle = word[1] == 'd';
        } else {
            cases_fail(&cases, "unknown word '%s'", word);
        }
    }
    check(&cases, &c);

    /* A header that never ends is refused before it grows. */
    static struct lsp_frame frame;
    struct lsp_error err;
    size_t used = 0, fed = 0;
    lsp_frame_init(&frame, 0);
    while (fed <= LSP_FRAME_MAX_HEADER + 1 &&
           lsp_frame_feed(&frame, "a", 1, &used, &err) == LSP_FRAME_MORE)
        fed++;
    if (fed != LSP_FRAME_MAX_HEADER) cases_fail(&cases, "a header of %zu bytes was read", fed);
    lsp_frame_free(&frame);
    printf("%zu cases\n", count);
    return 0;
}
