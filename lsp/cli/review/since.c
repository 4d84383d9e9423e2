/* Changes since a revision, by git.
 *
 * git tells names alone: what of a file's findings the change brought is told by reviewing the old
 * text as well, and comparing fingerprints. So code that moved, and lines that only changed their
 * indentation, bring nothing.
 */
#define _XOPEN_SOURCE 700 /* realpath */

#include "lsp/cli/review/since.h"
#include "lsp/cli/cli.h"
#include "lsp/cli/git.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One line of git's, without its end; the caller frees. NULL after a message. */
static char *ask_line(const char *const *arguments)
{
    char error[512];
    size_t len;
    char *line = cli_git(arguments, &len, error, sizeof error);
    if (line)
        line[strcspn(line, "\n")] = 0;
    else
        cli_fail("--since: %s", error);
    return line;
}

static bool add_change(struct cli_since *since, const char *root, const char *path, const char *old)
{
    char full[2 * PATH_MAX];
    struct cli_change *grown = realloc(since->changes, (since->count + 1) * sizeof *since->changes);
    if (!grown) return false;
    since->changes = grown;
    snprintf(full, sizeof full, "%s/%s", root, path);
    struct cli_change change = {strdup(full), old ? strdup(old) : NULL};
    since->changes[since->count++] = change;
    return change.path && (change.old || !old);
}

/* Reads "M\0path\0", "A\0path\0", "R100\0old\0new\0" ... */
static bool read_status(struct cli_since *since, const char *root, const char *text, size_t len)
{
    for (const char *at = text, *end = text + len; at < end;) {
        char kind = *at;
        const char *path = at + strlen(at) + 1, *old = path;
        if (path >= end) return true;
        if (kind == 'R' || kind == 'C') path += strlen(path) + 1;
        if (path >= end) return true;
        if (kind != 'D' && !add_change(since, root, path, kind == 'A' ? NULL : old)) return false;
        at = path + strlen(path) + 1;
    }
    return true;
}

static bool read_new(struct cli_since *since, const char *root, const char *text, size_t len)
{
    for (const char *at = text; at < text + len; at += strlen(at) + 1)
        if (!add_change(since, root, at, NULL)) return false;
    return true;
}

static int by_path(const void *a, const void *b)
{
    const struct cli_change *x = a, *y = b;
    return strcmp(x->path, y->path);
}

static bool list_changes(struct cli_since *since, const char *root)
{
    char error[512];
    size_t len, new_len = 0;
    const char *const changed[] = {"-C", root, "diff", "--name-status", "-z", "-M", since->revision,
                                   "--", NULL};
    const char *const unknown[] = {"-C", root, "ls-files", "-z", "-o", "--exclude-standard", NULL};
    char *status = cli_git(changed, &len, error, sizeof error);
    char *names = status ? cli_git(unknown, &new_len, error, sizeof error) : NULL;
    bool asked = status && names;
    bool ok =
        asked && read_status(since, root, status, len) && read_new(since, root, names, new_len);
    free(status);
    free(names);
    if (!ok) cli_fail("--since: %s", asked ? "out of memory" : error);
    if (ok && since->count > 1)
        qsort(since->changes, since->count, sizeof *since->changes, by_path);
    return ok;
}

bool cli_since_open(const char *revision, struct cli_since *out)
{
    char commit[512];
    *out = (struct cli_since){0};
    if (revision[0] == '-' || snprintf(commit, sizeof commit, "%s^{commit}", revision) >= 500) {
        cli_fail("--since: \"%s\" is no revision", revision);
        return false;
    }
    const char *const where[] = {"rev-parse", "--show-toplevel", NULL};
    const char *const which[] = {"rev-parse", "--verify", "--end-of-options", commit, NULL};
    char *root = ask_line(where);
    out->revision = root ? ask_line(which) : NULL;
    bool ok = out->revision && list_changes(out, root);
    free(root);
    if (!ok) cli_since_close(out);
    return ok;
}

void cli_since_close(struct cli_since *since)
{
    for (size_t i = 0; i < since->count; i++) {
        free(since->changes[i].path);
        free(since->changes[i].old);
    }
    free(since->changes);
    free(since->revision);
    *since = (struct cli_since){0};
}

static const struct cli_change *change_of(const struct cli_since *since, const char *path)
{
    char full[PATH_MAX];
    struct cli_change key = {.path = realpath(path, full)};
    if (!key.path || since->count == 0) return NULL;
    return bsearch(&key, since->changes, since->count, sizeof key, by_path);
}

void cli_since_filter(const struct cli_since *since, struct cli_files *files)
{
    size_t kept = 0;
    for (size_t i = 0; i < files->count; i++) {
        if (change_of(since, files->list[i].path))
            files->list[kept++] = files->list[i];
        else
            free(files->list[i].path);
    }
    files->count = kept;
}

char *cli_since_text(const struct cli_since *since, const char *path, size_t *len, bool *was,
                     char *error, size_t error_size)
{
    const struct cli_change *change = change_of(since, path);
    char name[2 * PATH_MAX];
    *was = change && change->old;
    if (!*was) return NULL;
    snprintf(name, sizeof name, "%s:%s", since->revision, change->old);
    const char *const show[] = {"cat-file", "blob", name, NULL};
    return cli_git(show, len, error, error_size);
}
