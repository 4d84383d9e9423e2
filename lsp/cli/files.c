/* The files that a command is about.
 *
 * Folders are walked as the workspace index walks them, so that what is ignored there is ignored
 * here. A file that is named is taken whatever ignores it.
 */
#define _XOPEN_SOURCE 700 /* realpath */

#include "lsp/cli/files.h"
#include "grammars/grammars.h"
#include "lsp/cli/cli.h"
#include "lsp/index/walk.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* skip: bytes of the path in front of what tells what the file is for. */
static bool add(struct cli_files *files, const char *path, size_t skip,
                const struct gram_language *lang, bool named)
{
    if (files->count == files->capacity) {
        size_t capacity = files->capacity ? 2 * files->capacity : 256;
        struct cli_file *grown = realloc(files->list, capacity * sizeof *grown);
        if (!grown) return false;
        files->list = grown;
        files->capacity = capacity;
    }
    char *copy = strdup(path);
    if (copy) files->list[files->count++] = (struct cli_file){copy, lang, named, copy + skip};
    return copy != NULL;
}

/* word: as the user wrote the folder. */
static bool add_folder(struct cli_files *files, const char *word, bool no_ignore)
{
    char folder[PATH_MAX], path[2 * PATH_MAX];
    struct idx_found found;
    struct idx_walk *walk = realpath(word, folder) ? idx_walk_open(folder, no_ignore) : NULL;
    bool ok = walk != NULL, here = strcmp(word, ".") == 0;
    size_t len = strlen(word), skip = ok ? strlen(folder) + (strcmp(folder, "/") != 0) : 0;
    while (len > 1 && word[len - 1] == '/')
        len--;
    while (ok && idx_walk_next(walk, &found)) {
        if (here)
            snprintf(path, sizeof path, "%s", found.path + skip);
        else
            snprintf(path, sizeof path, "%.*s/%s", (int)len, word, found.path + skip);
        ok = add(files, path, strlen(path) - strlen(found.path + skip), found.lang, false);
    }
    idx_walk_close(walk);
    return ok;
}

static bool add_file(struct cli_files *files, const char *path)
{
    const struct gram_language *lang = gram_by_path(path, NULL, 0);
    if (!lang) { /* perhaps its first line says */
        char line[256] = "";
        FILE *file = fopen(path, "rb");
        size_t n = file ? fread(line, 1, sizeof line - 1, file) : 0;
        if (file) fclose(file);
        lang = gram_by_path(path, line, n);
    }
    const char *name = strrchr(path, '/');
    size_t skip = path[0] == '/' ? (size_t)(name + 1 - path) : 0;
    if (lang) return add(files, path, skip, lang, true);
    files->unknown++;
    return true;
}

bool cli_files_find(const char *const *words, size_t n, bool no_ignore, struct cli_files *out)
{
    static const char *const present[] = {"."};
    *out = (struct cli_files){0};
    if (n == 0) words = present;
    for (size_t i = 0; i < (n ? n : 1); i++) {
        struct stat info;
        if (stat(words[i], &info) != 0) {
            cli_fail("%s: %s", words[i], strerror(errno));
            return false;
        }
        if (!(S_ISDIR(info.st_mode) ? add_folder(out, words[i], no_ignore)
                                    : add_file(out, words[i]))) {
            cli_fail("%s: out of memory for its files", words[i]);
            return false;
        }
    }
    return true;
}

void cli_files_free(struct cli_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->list[i].path);
    free(files->list);
    *files = (struct cli_files){0};
}

void cli_tally_add(struct cli_tally *tally, const struct cli_file *file, bool strict,
                   const char *why)
{
    bool failed = file->named || strict;
    fprintf(stderr, "espalier: %s%s\n", failed ? "" : "warning: ", why);
    tally->failed += failed;
    tally->passed_over += !failed;
}

bool cli_tally_end(const struct cli *cli, const struct cli_tally *tally, const char *what)
{
    if (tally->passed_over > 0)
        cli_log(cli, LSP_LOG_WARN, "%zu file%s passed over", tally->passed_over,
                tally->passed_over == 1 ? " was" : "s were");
    if (tally->failed > 0)
        cli_fail("%zu file%s could not be %s", tally->failed, tally->failed == 1 ? "" : "s", what);
    return tally->failed == 0;
}
