#include "tests/server/trace.h"

#include <cjson/cJSON.h>
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
    trace->file = fopen(path, "rb");
    if (!trace->file || fscanf(trace->file, "cut %zu %zu\n", &start, &end) != 2)
        fail(trace, "is no trace");
    replace(trace, start, end, "");
}

bool trace_next(struct trace *trace)
{
    char line[1024], op;
    int used = 0;
    if (!fgets(line, sizeof line, trace->file)) {
        fclose(trace->file);
        return false;
    }
    trace->step++;
    if (sscanf(line, "%u %c %zu %n", &trace->pause_ms, &op, &trace->start, &used) != 3)
        fail(trace, "cannot be read");
    trace->moved = op == 'm';
    trace->old_end = trace->start;
    trace->inserted[0] = 0;
    if (op == 'd') {
        trace->old_end += strtoul(line + used, NULL, 10);
    } else if (op == 'i') {
        cJSON *text = cJSON_Parse(line + used);
        if (!cJSON_IsString(text)) fail(trace, "has no text");
        snprintf(trace->inserted, sizeof trace->inserted, "%s", text->valuestring);
        cJSON_Delete(text);
    } else if (!trace->moved) {
        fail(trace, "is of no known kind");
    }
    if (trace->moved)
        trace->cursor = trace->start;
    else
        replace(trace, trace->start, trace->old_end, trace->inserted);
    return true;
}
