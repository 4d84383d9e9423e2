/* Batches: the old texts are kept until it is known that the new ones stay.
 *
 * A command that fails with a half of the files is tried with halves of that half, so that the
 * number of runs goes with the logarithm of the number of files for each one that breaks something.
 */
#define _XOPEN_SOURCE 700

#include "lsp/cli/refactor/batch.h"
#include "lsp/cli/git.h"
#include "lsp/cli/replace.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { CHUNK = 16 /* files that git is asked about at once */ };

static char *copy(const char *text, size_t len)
{
    char *out = malloc(len + 1);
    if (!out) return NULL;
    memcpy(out, text, len);
    out[len] = 0;
    return out;
}

bool cli_batch_add(struct cli_batch *batch, const char *path, const char *old_text, size_t old_len,
                   const char *new_text, size_t new_len, size_t changes)
{
    if (batch->count == batch->capacity) {
        size_t capacity = batch->capacity ? 2 * batch->capacity : 16;
        struct cli_batch_file *grown = realloc(batch->list, capacity * sizeof *grown);
        if (!grown) return false;
        batch->list = grown;
        batch->capacity = capacity;
    }
    struct cli_batch_file *file = &batch->list[batch->count++];
    *file = (struct cli_batch_file){.path = strdup(path),
                                    .old_text = copy(old_text, old_len),
                                    .new_text = copy(new_text, new_len),
                                    .old_len = old_len,
                                    .new_len = new_len,
                                    .changes = changes};
    return file->path && file->old_text && file->new_text;
}

void cli_batch_free(struct cli_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        free(batch->list[i].path);
        free(batch->list[i].old_text);
        free(batch->list[i].new_text);
    }
    free(batch->list);
    *batch = (struct cli_batch){0};
}

/* ---- Signals and commands ---------------------------------------------------------- */

static void ending_signals(sigset_t *out)
{
    sigemptyset(out);
    sigaddset(out, SIGINT);
    sigaddset(out, SIGTERM);
    sigaddset(out, SIGHUP);
}

void cli_batch_hold(void)
{
    sigset_t set;
    ending_signals(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static bool wants_to_stop(void)
{
    sigset_t set;
    return sigpending(&set) == 0 &&
           (sigismember(&set, SIGINT) || sigismember(&set, SIGTERM) || sigismember(&set, SIGHUP));
}

/* sh -c COMMAND, which is not to wait with signals as we do. */
static pid_t start(const char *command)
{
    char *argv[] = {"sh", "-c", copy(command, strlen(command)), NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    pid_t pid = -1;
    sigemptyset(&none);
    ending_signals(&all);
    if (!argv[2] || posix_spawn_file_actions_init(&actions) != 0) return -1;
    if (posix_spawnattr_init(&attributes) == 0) {
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawn_file_actions_adddup2(&actions, 2, 1);
        errno = posix_spawnp(&pid, "sh", &actions, &attributes, argv, environ);
        if (errno != 0) pid = -1;
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    free(argv[2]);
    return pid;
}

int cli_batch_verify(const char *verify)
{
    int status = -1;
    fflush(stdout);
    pid_t pid = start(verify);
    if (pid < 0) {
        cli_fail("--verify: sh cannot be started: %s", strerror(errno));
        return -1;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (wants_to_stop()) return -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

/* ---- Writing ----------------------------------------------------------------------- */

/* Puts the new text into a file, or the old one back. */
static bool put(struct cli_batch_file *file, bool back)
{
    char error[512];
    bool ok = back ? cli_replace_file(file->path, file->new_text, file->new_len, file->old_text,
                                      file->old_len, error, sizeof error)
                   : cli_replace_file(file->path, file->old_text, file->old_len, file->new_text,
                                      file->new_len, error, sizeof error);
    if (ok)
        file->written = !back;
    else
        fprintf(stderr, "espalier: %s\n", error);
    return ok;
}

static bool put_back(struct cli_batch *batch, size_t from, size_t to)
{
    bool ok = true;
    for (size_t i = from; i < to; i++)
        if (batch->list[i].written) ok &= put(&batch->list[i], true);
    return ok;
}

static bool put_all(struct cli_batch *batch, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (wants_to_stop()) return false;
        put(&batch->list[i], false); /* what cannot be written is told of, and stays */
    }
    return true;
}

/* Writes files [from, to) with which the command ends well. */
static enum cli_batch_end try(struct cli_batch *batch, const char *verify, size_t from, size_t to)
{
    if (from == to) return CLI_BATCH_DONE;
    if (!put_all(batch, from, to)) return CLI_BATCH_STOPPED;
    int failed = verify ? cli_batch_verify(verify) : 0;
    if (failed == 0) return CLI_BATCH_DONE;
    if (!put_back(batch, from, to)) return CLI_BATCH_FAILED;
    if (failed < 0) return CLI_BATCH_STOPPED;
    if (to - from == 1) {
        fprintf(stderr, "espalier: warning: %s: left as it is: --verify fails with its changes\n",
                batch->list[from].path);
        return CLI_BATCH_DONE;
    }
    size_t middle = from + (to - from) / 2;
    enum cli_batch_end end = try(batch, verify, from, middle);
    return end == CLI_BATCH_DONE ? try(batch, verify, middle, to) : end;
}

enum cli_batch_end cli_batch_write(struct cli_batch *batch, const char *verify)
{
    enum cli_batch_end end = try(batch, verify, 0, batch->count);
    if (end != CLI_BATCH_DONE && !put_back(batch, 0, batch->count)) end = CLI_BATCH_FAILED;
    return end;
}

/* ---- Commits ----------------------------------------------------------------------- */

/* A file with the paths of what was written, each with a zero behind it, and git's option for it.
 * NULL after a message. */
static FILE *paths_file(const struct cli_batch *batch, char name[64])
{
    FILE *list = tmpfile();
    if (!list) {
        cli_fail("a temporary file: %s", strerror(errno));
        return NULL;
    }
    for (size_t i = 0; i < batch->count; i++)
        if (batch->list[i].written)
            fwrite(batch->list[i].path, 1, strlen(batch->list[i].path) + 1, list);
    rewind(list);
    snprintf(name, 64, "--pathspec-from-file=/dev/fd/%d", fileno(list));
    return list;
}

bool cli_batch_commit(const struct cli_batch *batch, const char *message)
{
    char name[64], error[512];
    size_t len;
    FILE *list = paths_file(batch, name);
    if (!list) return false;
    const char *const words[] = {"commit", "-q", "-m", message, name, "--pathspec-file-nul", NULL};
    char *said = cli_git(words, &len, error, sizeof error);
    fclose(list);
    free(said);
    return said || cli_fail("%s", error) == CLI_OK;
}

/* Asks git about files [from, from + n): it has to end well, and, if silent, to print nothing. */
static bool ask_git(const struct cli_batch *batch, size_t from, size_t n, const char *const *first,
                    bool silent)
{
    const char *words[8 + CHUNK];
    char error[512];
    size_t len, at = 0;
    for (; first[at]; at++)
        words[at] = first[at];
    for (size_t i = 0; i < n; i++)
        words[at++] = batch->list[from + i].path;
    words[at] = NULL;
    char *said = cli_git(words, &len, error, sizeof error);
    bool clean = said && (len == 0 || !silent);
    if (!said)
        cli_fail("--commit: %s", error);
    else if (!clean)
        cli_fail("--commit: %.*s has changes that are not committed", (int)strcspn(said, "\n"),
                 said);
    free(said);
    return clean;
}

bool cli_batch_is_clean(const struct cli_batch *batch)
{
    static const char *const changed[] = {"diff", "--name-only", "--relative", "HEAD", "--", NULL};
    static const char *const known[] = {"ls-files", "--error-unmatch", "--", NULL};
    for (size_t i = 0; i < batch->count; i += CHUNK) {
        size_t n = batch->count - i < CHUNK ? batch->count - i : CHUNK;
        if (!ask_git(batch, i, n, known, false) || !ask_git(batch, i, n, changed, true))
            return false;
    }
    return true;
}
