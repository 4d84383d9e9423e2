/* cases.h: case files, one step a line. A word, a blank and the rest of the line; '#' begins
 * a comment line. */
#ifndef ESPALIER_TESTS_SERVER_CASES_H
#define ESPALIER_TESTS_SERVER_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CASE_MAX_LINE 65536

struct cases {
    FILE *file;
    const char *path;
    unsigned line;
    char text[CASE_MAX_LINE];
    const char *word, *rest; /* of the present line */
};

/* Ends the test when the file cannot be read. */
void cases_open(struct cases *cases, const char *path);
/* The next line that is no comment and not empty; false (and the file closed) at the end. */
bool cases_next(struct cases *cases);

/* Replaces \r \n \t \\ \xHH in text; out has to hold strlen(text) bytes. */
size_t cases_unescape(const char *text, char *out);

/* Ends the test program with file, line and reason. */
#if defined(__GNUC__)
__attribute__((noreturn, format(printf, 2, 3)))
#endif
void cases_fail(const struct cases *cases, const char *format, ...);

#endif
