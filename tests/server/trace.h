/* trace.h: reading a typing trace (see make_trace.c) and living through it. */
#ifndef ESPALIER_TESTS_SERVER_TRACE_H
#define ESPALIER_TESTS_SERVER_TRACE_H

#include "lsp/cli/bench/trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TRACE_MAX_TEXT 262144

struct trace {
    FILE *file;
    const char *path;
    char text[TRACE_MAX_TEXT]; /* after the step; zero-terminated */
    size_t len, cursor;
    unsigned step;

    /* The step: bytes [start, old_end) of the text before it became `inserted`; nothing
     * changed when `moved`. */
    unsigned pause_ms;
    bool moved;
    size_t start, old_end;
    char inserted[BENCH_TRACE_TEXT];
};

/* Reads the sample and the trace's first line: the text before the first key. Ends the
 * program with a message when something is wrong, as trace_next does. */
void trace_open(struct trace *trace, const char *path, const char *sample);

/* Takes one step; false (and the file closed) at the end. */
bool trace_next(struct trace *trace);

#endif
