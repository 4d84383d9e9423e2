#include "tests/server/cases.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void cases_fail(const struct cases *cases, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%s:%u: ", cases->path, cases->line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    exit(1);
}

void cases_open(struct cases *cases, const char *path)
{
    memset(cases, 0, sizeof *cases);
    cases->path = path;
    cases->file = fopen(path, "rb");
    if (!cases->file) cases_fail(cases, "cannot be read");
}

bool cases_next(struct cases *cases)
{
    while (fgets(cases->text, sizeof cases->text, cases->file)) {
        cases->line++;
        cases->text[strcspn(cases->text, "\n")] = 0;
        if (cases->text[0] == 0 || cases->text[0] == '#') continue;
        char *blank = strchr(cases->text, ' ');
        cases->word = cases->text;
        cases->rest = blank ? blank + 1 : "";
        if (blank) *blank = 0;
        return true;
    }
    fclose(cases->file);
    return false;
}

size_t cases_unescape(const char *text, char *out)
{
    size_t n = 0;
    for (const char *at = text; *at; at++) {
        if (*at != '\\' || !at[1]) {
            out[n++] = *at;
            continue;
        }
        at++;
        if (*at == 'x' && at[1] && at[2]) {
            const char hex[3] = {at[1], at[2], 0};
            out[n++] = (char)strtol(hex, NULL, 16);
            at += 2;
        } else {
            out[n++] = *at == 'r' ? '\r' : *at == 'n' ? '\n' : *at == 't' ? '\t' : *at;
        }
    }
    return n;
}
