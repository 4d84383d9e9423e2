/* Undoing: all texts are made first, then files are replaced one after the other. */
#include "lsp/cli/refactor/reverse.h"
#include "lsp/cli/refactor/patch.h"
#include "lsp/cli/replace.h"

#include <stdio.h>
#include <stdlib.h>

struct undone {
    char path[CLI_PATCH_PATH];
    char *now, *before;
    size_t now_len, before_len;
};

struct undoing {
    struct undone *list;
    size_t count;
};

static bool make_one(struct undoing *u, const char *patch, const struct cli_patch_file *file)
{
    char why[CLI_PATCH_WHY];
    struct undone *grown = realloc(u->list, (u->count + 1) * sizeof *grown);
    if (!grown) return cli_fail("out of memory") == CLI_OK;
    u->list = grown;
    struct undone *one = &grown[u->count];
    *one = (struct undone){0};
    snprintf(one->path, sizeof one->path, "%s", file->path);
    one->now = cli_read_file(one->path, &one->now_len);
    if (!one->now) return false;
    u->count++;
    one->before = cli_patch_reverse(patch, file, one->now, one->now_len, &one->before_len, why);
    return one->before || cli_fail("%s", why) == CLI_OK;
}

static bool make_all(struct undoing *u, const char *path, const char *patch, size_t len)
{
    char why[CLI_PATCH_WHY];
    struct cli_patch_file file;
    size_t at = 0;
    bool ok = true;
    while (ok && cli_patch_next(patch, len, &at, &file, why))
        ok = make_one(u, patch, &file);
    if (ok && why[0]) ok = cli_fail("%s: %s", path, why) == CLI_OK;
    return ok;
}

int cli_reverse(const struct cli *cli, const char *patch_path)
{
    struct undoing u = {0};
    size_t len, written = 0, failures = 0;
    char *patch = cli_read_file(patch_path, &len), error[512];
    bool ok = patch && make_all(&u, patch_path, patch, len);
    for (size_t i = 0; ok && i < u.count; i++) {
        const struct undone *one = &u.list[i];
        if (cli_replace_file(one->path, one->now, one->now_len, one->before, one->before_len, error,
                             sizeof error)) {
            written++;
        } else {
            fprintf(stderr, "espalier: %s\n", error);
            failures++;
        }
    }
    for (size_t i = 0; i < u.count; i++) {
        free(u.list[i].now);
        free(u.list[i].before);
    }
    free(u.list);
    free(patch);
    if (!ok) return CLI_ERROR;
    cli_log(cli, LSP_LOG_WARN, "%zu file%s as before", written, written == 1 ? " is" : "s are");
    return failures ? cli_fail("%zu files could not be written", failures) : CLI_OK;
}
