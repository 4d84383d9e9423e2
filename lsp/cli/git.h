/* git.h: git, asked and told. */
#ifndef ESPALIER_CLI_GIT_H
#define ESPALIER_CLI_GIT_H

#include <stdbool.h>
#include <stddef.h>

/* Runs git with these arguments (a NULL behind the last) and gives what it prints, zero-terminated;
 * the caller frees. NULL, with why in error[error_size], when it cannot be started, prints more
 * than a file may have, or ends with a failure: then the first line of what it said of it. Any
 * thread. */
char *cli_git(const char *const *arguments, size_t *len, char *error, size_t error_size);

#endif
