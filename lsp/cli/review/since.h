/* since.h: what has changed since a revision. */
#ifndef ESPALIER_CLI_REVIEW_SINCE_H
#define ESPALIER_CLI_REVIEW_SINCE_H

#include "lsp/cli/files.h"

struct cli_change {
    char *path; /* absolute */
    char *old;  /* from the repository's root, at the revision; NULL: it was not there */
};

struct cli_since {
    char *revision; /* its name in full */
    struct cli_change *changes;
    size_t count;
};

/* What differs between the revision and the files as they are, new ones that are not ignored
 * included. False after a message. */
bool cli_since_open(const char *revision, struct cli_since *out);
void cli_since_close(struct cli_since *since);

/* Leaves only what has changed in the list. */
void cli_since_filter(const struct cli_since *since, struct cli_files *files);

/* The text of a file at the revision, the caller frees; *was: whether it was there. NULL with *was
 * true after a message in error. Any thread. */
char *cli_since_text(const struct cli_since *since, const char *path, size_t *len, bool *was,
                     char *error, size_t error_size);

#endif
