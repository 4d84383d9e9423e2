/* batch.h: changes of many files that belong together: written, tried out, committed. */
#ifndef ESPALIER_CLI_REFACTOR_BATCH_H
#define ESPALIER_CLI_REFACTOR_BATCH_H

#include "lsp/cli/cli.h"

struct cli_batch_file {
    char *path, *old_text, *new_text;
    size_t old_len, new_len, changes; /* changes: how many it is told of as */
    bool written;                     /* the file has the new text */
};

struct cli_batch {
    struct cli_batch_file *list;
    size_t count, capacity;
};

/* Copies everything. False when memory ran out. */
bool cli_batch_add(struct cli_batch *batch, const char *path, const char *old_text, size_t old_len,
                   const char *new_text, size_t new_len, size_t changes);
void cli_batch_free(struct cli_batch *batch);

enum cli_batch_end {
    CLI_BATCH_DONE,    /* those that are `written` stay */
    CLI_BATCH_STOPPED, /* the user wants to stop: none are written */
    CLI_BATCH_FAILED   /* after a message; none are written, as far as that could be undone */
};

/* Writes all files. verify, a shell's command, NULL for none: has to end with 0 then; where it does
 * not, halves are tried, and files with which it fails get their old text back. The command's
 * output goes to standard error. SIGINT and SIGTERM have to be blocked in all threads
 * (cli_batch_hold): when one comes, everything is put back. */
enum cli_batch_end cli_batch_write(struct cli_batch *batch, const char *verify);

/* Runs the command: 0 when it ends well, 1 when not, -1 when it cannot be run or a signal came. */
int cli_batch_verify(const char *verify);

/* From now on signals that would end the process wait, and are looked for between steps. */
void cli_batch_hold(void);

/* Commits the files that are written, with this message. False after a message. */
bool cli_batch_commit(const struct cli_batch *batch, const char *message);

/* False after a message when git has changes of a file that are not committed, or no such file. */
bool cli_batch_is_clean(const struct cli_batch *batch);

#endif
