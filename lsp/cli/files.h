/* files.h: the files that a command is about. */
#ifndef ESPALIER_CLI_FILES_H
#define ESPALIER_CLI_FILES_H

#include <stdbool.h>
#include <stddef.h>

struct cli;
struct gram_language;

struct cli_file {
    char *path; /* as it is to be shown */
    const struct gram_language *lang;
    bool named;         /* on the command line, not found in a folder */
    const char *within; /* the part of the path that tells what the file is for: below the folder
                           that was named; of one that was named itself all, if relative */
};

struct cli_files {
    struct cli_file *list; /* in the order of the words and, in folders, of names */
    size_t count, capacity;
    size_t unknown; /* named on the command line, of no known language */
};

/* Files named by words, and those of folders (as the index sees a workspace). no_ignore: ignored
 * ones as well. False after a message. */
bool cli_files_find(const char *const *words, size_t n, bool no_ignore, struct cli_files *out);
void cli_files_free(struct cli_files *files);

/* Files of which nothing became. */
struct cli_tally {
    size_t failed, passed_over; /* passed_over: not named on the command line */
};

/* Says why; a file that is not named fails only where `strict`. */
void cli_tally_add(struct cli_tally *tally, const struct cli_file *file, bool strict,
                   const char *why);

/* Says how many. False when there are some that failed. what: "could not be ..." */
bool cli_tally_end(const struct cli *cli, const struct cli_tally *tally, const char *what);

#endif
