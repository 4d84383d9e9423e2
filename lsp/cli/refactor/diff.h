/* diff.h: unified diffs, as git apply and patch take them. */
#ifndef ESPALIER_CLI_REFACTOR_DIFF_H
#define ESPALIER_CLI_REFACTOR_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Prints how the file's text becomes another one, three lines of context around; nothing where they
 * are the same. False when memory ran out: then nothing was printed. */
bool cli_diff(FILE *out, const char *path, const char *old_text, size_t old_len,
              const char *new_text, size_t new_len);

#endif
