/* A store and recents for the packages that holes are drawn from. */
#include "lsp/cli/eval/workspace.h"
#include "grammars/grammars.h"
#include "lsp/index/near.h"
#include "lsp/index/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STORE_MEGABYTES = 512, STORE_FILES = 200000, OPEN_FILES = 4, EDITOR = 1 /* a view */ };

struct cli_workspace {
    struct idx_store *store;
    struct idx_recents *recents;
    char root[IDX_MAX_PATH]; /* of the package that is indexed now; "" for none */
    struct idx_selection selection;
    struct asst_snippet snippets[IDX_SELECTION_MAX];
};

void cli_workspace_close(struct cli_workspace *w)
{
    if (!w) return;
    idx_store_free(w->store);
    idx_recents_free(w->recents);
    free(w);
}

struct cli_workspace *cli_workspace_open(void)
{
    struct cli_workspace *w = calloc(1, sizeof *w);
    const struct idx_limits limits = {(size_t)STORE_MEGABYTES << 20, STORE_FILES};
    if (w) w->store = idx_store_new(&limits);
    if (w) w->recents = idx_recents_new();
    if (w && w->store && w->recents) return w;
    cli_workspace_close(w);
    return NULL;
}

/* The folder of the package that the path lies in; of no package: the file's own. */
static void root_of(const char *path, const char *package, char root[IDX_MAX_PATH])
{
    const char *name = strchr(package, '/');
    char inside[IDX_MAX_PATH];
    snprintf(inside, sizeof inside, "%s/", name ? name : "//");
    const char *at = strstr(path, inside);
    size_t len = at ? (size_t)(at - path) + strlen(inside) - 1 : idx_folder_of(path);
    snprintf(root, IDX_MAX_PATH, "%.*s", (int)len, path);
}

static bool index_package(struct cli_workspace *w, const struct idx_target *target,
                          const char *root)
{
    if (strcmp(root, w->root) == 0) return true;
    struct idx_scan *scan = idx_scan_open(target, root, true);
    if (!scan) return false;
    while (idx_scan_step(scan))
        ;
    idx_scan_close(scan);
    snprintf(w->root, sizeof w->root, "%s", root);
    return true;
}

static bool open_file(struct cli_workspace *w, const struct idx_file *file)
{
    size_t len;
    char path[IDX_MAX_PATH];
    snprintf(path, sizeof path, "%s", file->path);
    char *text = cli_read_file(path, &len);
    if (!text) return true;
    struct idx_chunks chunks;
    enum idx_status status = idx_chunks_make(file->entry->lang, text, len, &chunks);
    if (status == IDX_OK) idx_recents_put(w->recents, path, &chunks);
    free(text);
    return status != IDX_NO_MEMORY;
}

/* The files that stand for those opened before, the likeliest last. */
static bool open_others(struct cli_workspace *w, const char *path, const char *root,
                        const struct gram_language *lang)
{
    uint32_t best[OPEN_FILES];
    const char *old;
    while (idx_recents_at(w->recents, 0, &old))
        idx_recents_remove(w->recents, old);
    size_t kept = idx_near(w->store, IDX_DISK, path, root, lang, best, OPEN_FILES);
    bool ok = true;
    while (ok && kept-- > 0) {
        struct idx_file file;
        ok = idx_store_file(w->store, best[kept], &file) && open_file(w, &file);
    }
    return ok;
}

/* From the root of the file system on; not made canonical, as all paths come the same way. */
static bool absolute(const char *path, char out[IDX_MAX_PATH])
{
    size_t n = 0;
    if (path[0] != '/') {
        if (!getcwd(out, IDX_MAX_PATH - 1)) return false;
        n = strlen(out);
        out[n++] = '/';
    }
    if (strlen(path) >= IDX_MAX_PATH - n) return false;
    strcpy(out + n, path);
    return true;
}

bool cli_workspace_select(struct cli_workspace *w, const struct cli_case *open, const char *package,
                          unsigned sources, struct asst_extra *out)
{
    char path[IDX_MAX_PATH], root[IDX_MAX_PATH];
    *out = (struct asst_extra){w->snippets, 0};
    if (!(sources & ~(unsigned)IDX_NEAR) || !absolute(open->hole->file->path, path)) return true;
    const struct idx_target target = {
        .store = w->store, .max_file = CLI_CORPUS_FILE_MAX, .view = EDITOR};
    struct idx_query query = {.path = path,
                              .view = EDITOR,
                              .root = root,
                              .lang = syn_document_language(open->doc),
                              .sources = sources};
    size_t len, line, column;
    query.text = syn_document_text(open->doc, &len);
    root_of(path, package, root);
    if (!index_package(w, &target, root)) return false;
    if (idx_update_text(&target, path, query.lang, query.text, len) == IDX_NO_MEMORY) return false;
    if ((sources & IDX_RECENT) && !open_others(w, path, root, query.lang)) return false;
    syn_position_of(open->doc, open->hole->start, SYN_UTF8, &line, &column);
    idx_query_ranges(open->doc, line, line, &query);
    idx_select(w->store, w->recents, &query, &w->selection);
    for (size_t i = 0; i < w->selection.count; i++) {
        const struct idx_snippet *s = &w->selection.snippets[i];
        w->snippets[i] = (struct asst_snippet){w->selection.text + s->text, s->len, s->place};
    }
    out->count = w->selection.count;
    idx_release(&target, path);
    return true;
}

bool cli_workspace_shelf(struct cli_workspace *w, const struct cli_case *open, const char *package,
                         const struct eng_model *model, struct asst_shelf **out)
{
    char path[IDX_MAX_PATH], root[IDX_MAX_PATH];
    struct asst_shelf_text texts[IDX_NEAR_FILES];
    struct idx_texts near;
    const struct idx_target target = {.store = w->store, .max_file = CLI_CORPUS_FILE_MAX};
    *out = NULL;
    if (!absolute(open->hole->file->path, path)) return true;
    root_of(path, package, root);
    if (!index_package(w, &target, root)) return false;
    idx_near_texts(&target, NULL, path, root, open->hole->file->lang, &near);
    for (size_t i = 0; i < near.n; i++)
        texts[i] = (struct asst_shelf_text){near.at[i].text, near.at[i].len};
    struct eng_error err;
    enum eng_status status = near.n ? asst_shelf_new(model, texts, near.n, out, &err) : ENG_OK;
    idx_texts_free(&near);
    return status != ENG_NO_MEMORY;
}
