/* The frame decoder: what it makes of a stream must not depend on how the bytes arrive, and
 * it must use every byte, once, up to the first break.
 *
 * The first byte of the input chooses the pieces, the second the limit on bodies. */
#include "lsp/server/frame.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What happened, as a checksum over events and bodies. */
struct trace {
    uint64_t hash;
    size_t events;
    bool broken;
};

static void note(struct trace *trace, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        trace->hash = (trace->hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
}

static void check(bool condition)
{
    if (!condition) abort();
}

static void on_event(struct lsp_frame *frame, enum lsp_frame_event event, size_t limit,
                     const struct lsp_error *err, struct trace *trace)
{
    char kind = (char)event;
    note(trace, &kind, 1);
    trace->events++;
    if (event != LSP_FRAME_MESSAGE) {
        check(strlen(err->text) > 0);
        trace->broken = event != LSP_FRAME_TOO_LARGE;
        return;
    }
    size_t len;
    char *body = lsp_frame_take(frame, &len);
    check(len <= limit && body[len] == 0 && lsp_frame_is_idle(frame));
    note(trace, body, len);
    free(body);
}

static struct trace run(const char *bytes, size_t len, size_t limit, size_t piece)
{
    struct trace trace = {.hash = UINT64_C(14695981039346656037)};
    struct lsp_frame frame;
    lsp_frame_init(&frame, limit);
    for (size_t at = 0; at < len && !trace.broken;) {
        size_t n = len - at < piece ? len - at : piece, used = 0;
        struct lsp_error err = {""};
        enum lsp_frame_event event = lsp_frame_feed(&frame, bytes + at, n, &used, &err);
        check(used <= n && (event != LSP_FRAME_MORE || used == n));
        check(frame.body_capacity <= limit + 1);
        at += used;
        if (event != LSP_FRAME_MORE) on_event(&frame, event, limit, &err, &trace);
    }
    lsp_frame_free(&frame);
    return trace;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    size_t piece = 1 + data[0] % 32, limit = 1 + (size_t)data[1] * 16;
    const char *bytes = (const char *)data + 2;
    struct trace whole = run(bytes, size - 2, limit, SIZE_MAX);
    struct trace cut = run(bytes, size - 2, limit, piece);
    check(whole.hash == cut.hash && whole.events == cut.events && whole.broken == cut.broken);
    return 0;
}
