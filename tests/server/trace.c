#include "tests/server/trace.h"

#include <stdlib.h>
#include <string.h>

static _Noreturn void fail(const struct trace *trace, const char *what)
{
    fprintf(stderr, "%s: step %u: %s\n", trace->path, trace->step, what);
    exit(1);
}

static void replace(struct trace *trace, size_t start, size_t end, const char *text)
{
    size_t n = strlen(text);
    if (start > end || end > trace->len || trace->len + n >= sizeof trace->text)
        fail(trace, "leaves the text");
    memmove(trace->text + start + n, trace->text + end, trace->len - end + 1);
    memcpy(trace->text + start, text, n);
    trace->len = trace->len - (end - start) + n;
    trace->cursor = start + n;
}

void trace_open(struct trace *trace, const char *path, const char *sample)
{
    size_t start = 0, end = 0;
    memset(trace, 0, sizeof *trace);
    trace->path = path;
    FILE *file = fopen(sample, "rb");
    if (!file) fail(trace, "its sample cannot be read");
    trace->len = fread(trace->text, 1, sizeof trace->text - 1, file);
    fclose(file);
    char line[BENCH_TRACE_LINE];
    const char *why;
    trace->file = fopen(path, "rb");
    if (!trace->file || !fgets(line, sizeof line, trace->file)) fail(trace, "is no trace");
    if (!bench_trace_cut(line, strcspn(line, "\n"), &start, &end, &why)) fail(trace, why);
    replace(trace, start, end, "");
}

bool trace_next(struct trace *trace)
{
    char line[BENCH_TRACE_LINE];
    struct bench_step step;
    const char *why;
    if (!fgets(line, sizeof line, trace->file)) {
        fclose(trace->file);
        return false;
    }
    trace->step++;
    if (!bench_trace_step(line, strcspn(line, "\n"), &step, &why)) fail(trace, why);
    trace->pause_ms = (unsigned)step.pause_ms;
    trace->moved = step.kind == 'm';
    trace->start = step.at;
    trace->old_end = step.at + step.removed;
    memcpy(trace->inserted, step.text, step.len + 1);
    if (trace->moved)
        trace->cursor = trace->start;
    else
        replace(trace, trace->start, trace->old_end, trace->inserted);
    return true;
}
