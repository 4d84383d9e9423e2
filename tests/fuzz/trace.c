/* Traces of keystrokes: any line is either a step within its limits or refused with a reason. */
#include "lsp/cli/bench/trace.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 0;
    while (at < size) {
        const uint8_t *newline = memchr(data + at, '\n', size - at);
        size_t len = newline ? (size_t)(newline - data) - at : size - at, start, end;
        /* An exact copy, so that reading past the end is seen. */
        char *line = malloc(len ? len : 1);
        const char *why = NULL;
        struct bench_step step;
        if (!line) return 0;
        memcpy(line, data + at, len);
        if (bench_trace_cut(line, len, &start, &end, &why) ? start > end : !why) abort();
        if (bench_trace_step(line, len, &step, &why)) {
            if (step.kind != 'i' && step.kind != 'd' && step.kind != 'm') abort();
            if (step.len >= sizeof step.text || step.text[step.len] != 0) abort();
        } else if (!why) {
            abort();
        }
        free(line);
        at += len + 1;
    }
    return 0;
}
