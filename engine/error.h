/* error.h: filling the caller's error message. Internal to the engine. */
#ifndef ESPALIER_ENGINE_ERROR_H
#define ESPALIER_ENGINE_ERROR_H

#include "engine/engine.h"

#include <stdarg.h>
#include <stdio.h>

/* Writes one line into err (may be NULL; cut when too long) and returns status, so that a
 * failing function can end with `return eng_fail(...)`. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static inline enum eng_status
eng_fail(struct eng_error *err, enum eng_status status, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return status;
}

#endif
