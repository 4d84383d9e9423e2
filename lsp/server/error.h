/* error.h: one line for the caller about what went wrong. Internal to the server. */
#ifndef ESPALIER_SERVER_ERROR_H
#define ESPALIER_SERVER_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

struct lsp_error {
    char text[256];
};

/* Writes one line into err (may be NULL; cut when too long). Always false, so that a
 * failing function can end with `return lsp_fail(...)`. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static inline bool
lsp_fail(struct lsp_error *err, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return false;
}

#endif
