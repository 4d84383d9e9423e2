/* trace.h: recorded keystrokes.
 *
 * A trace is a text of lines. The first says which bytes of the sample file are not there yet; each
 * other one is a step, after a pause in milliseconds, at a byte of the text as it is then:
 *
 *   cut START END
 *   PAUSE i AT "TEXT"      TEXT, a JSON string, is inserted
 *   PAUSE d AT N           N bytes are deleted
 *   PAUSE m AT             the cursor moves there
 *
 * Reading is pure: bytes in, values out. */
#ifndef ESPALIER_CLI_BENCH_TRACE_H
#define ESPALIER_CLI_BENCH_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#define BENCH_TRACE_LINE 1024 /* bytes of a line at most, its end included */
#define BENCH_TRACE_TEXT 512  /* of an inserted text, its end included */

struct bench_step {
    char kind; /* 'i', 'd' or 'm' */
    size_t pause_ms, at, removed;
    char text[BENCH_TRACE_TEXT]; /* zero-terminated */
    size_t len;
};

/* line[len] without its end. On false *why says what was expected. */
bool bench_trace_cut(const char *line, size_t len, size_t *start, size_t *end, const char **why);
bool bench_trace_step(const char *line, size_t len, struct bench_step *out, const char **why);

#endif
