/* beside.c: a shelf from the files near by, and where other sources are wanted, a store for them.
 */
#define _DEFAULT_SOURCE /* realpath */
#include "lsp/cli/beside.h"
#include "lsp/index/cache.h"
#include "lsp/index/near.h"
#include "lsp/index/select.h"
#include "lsp/locate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EDITOR = 1 /* a view */ };

struct cli_beside {
    struct asst_shelf *shelf;
    size_t files;
    struct asst_extra extra;
    struct idx_selection selection;
    struct asst_snippet snippets[IDX_SELECTION_MAX];
};

/* ---- Where ------------------------------------------------------------------------------ */

static bool holds(const char *folder, size_t len, const char *name)
{
    char path[IDX_MAX_PATH + 32];
    snprintf(path, sizeof path, "%.*s/%s", (int)len, folder, name);
    return access(path, F_OK) == 0;
}

bool cli_workspace_of(const char *file, char path[IDX_MAX_PATH], char root[IDX_MAX_PATH])
{
    char *real = realpath(file, NULL);
    bool found = real && strlen(real) < IDX_MAX_PATH;
    if (found) strcpy(path, real);
    free(real);
    if (!found) return false;
    size_t own = idx_folder_of(path), len = own;
    while (len > 0 && !holds(path, len, "espalier.json") && !holds(path, len, ".git"))
        while (len > 0 && path[--len] != '/')
            ;
    snprintf(root, IDX_MAX_PATH, "%.*s", (int)(len ? len : own), path);
    return true;
}

/* ---- Sources that need an index --------------------------------------------------------- */

static unsigned sources_of(const struct lsp_config *config)
{
    return (config->context_used ? (unsigned)IDX_USED : 0) |
           (config->context_pair ? (unsigned)IDX_PAIR : 0) |
           (config->context_siblings ? (unsigned)IDX_SIBLINGS : 0);
}

static void index_outwards(const struct idx_target *target, const char *root, const char *path)
{
    struct idx_walk *walk = idx_walk_outwards(root, path);
    struct idx_found found;
    for (unsigned n = 0; walk && n < CLI_BESIDE_FILES && idx_walk_next(walk, &found); n++) {
        char name[IDX_MAX_PATH];
        snprintf(name, sizeof name, "%s", found.path);
        idx_update_file(target, root, name);
    }
    idx_walk_close(walk);
}

static void select_extra(const struct cli *cli, const struct syn_document *doc, size_t offset,
                         const char *path, const char *root, struct cli_beside *beside)
{
    const struct lsp_config *config = &cli->config;
    const struct idx_limits limits = {(size_t)config->index_megabytes << 20,
                                      (uint32_t)config->index_max_files};
    struct idx_query query = {.path = path,
                              .view = EDITOR,
                              .root = root,
                              .lang = syn_document_language(doc),
                              .sources = sources_of(config)};
    struct idx_target target = {.store = idx_store_new(&limits),
                                .max_file = (uint64_t)config->index_max_kilobytes << 10,
                                .view = EDITOR};
    char cache[LSP_CONFIG_PATH_MAX], why[128];
    size_t len, line, column;
    if (!target.store) return;
    bool kept = config->cache_on_disk && lsp_locate_index(&root, 1, cache) &&
                idx_cache_load(cache, target.store, why) == IDX_OK;
    if (!kept) index_outwards(&target, root, path);
    query.text = syn_document_text(doc, &len);
    idx_update_text(&target, path, query.lang, query.text, len);
    syn_position_of(doc, offset, SYN_UTF8, &line, &column);
    idx_query_ranges(doc, line, line, &query);
    idx_select(target.store, NULL, &query, &beside->selection);
    for (size_t i = 0; i < beside->selection.count; i++) {
        const struct idx_snippet *s = &beside->selection.snippets[i];
        beside->snippets[i] =
            (struct asst_snippet){beside->selection.text + s->text, s->len, s->place};
    }
    beside->extra = (struct asst_extra){beside->snippets, beside->selection.count};
    idx_store_free(target.store);
}

/* ---- Files near by ---------------------------------------------------------------------- */

static bool fill_shelf(const struct cli *cli, const struct eng_model *model,
                       const struct syn_document *doc, const char *path, const char *root,
                       struct cli_beside *beside)
{
    struct asst_shelf_text each[IDX_NEAR_FILES];
    struct idx_texts texts;
    struct eng_error err = {"out of memory"};
    idx_near_texts_outwards(root, path, syn_document_language(doc),
                            (uint64_t)cli->config.index_max_kilobytes << 10, &texts);
    for (size_t i = 0; i < texts.n; i++)
        each[i] = (struct asst_shelf_text){texts.at[i].text, texts.at[i].len};
    enum eng_status status =
        texts.n ? asst_shelf_new(model, each, texts.n, &beside->shelf, &err) : ENG_OK;
    beside->files = texts.n;
    idx_texts_free(&texts);
    if (status != ENG_OK) cli_fail("%s: %s", root, err.text);
    return status == ENG_OK;
}

/* ---- Both ------------------------------------------------------------------------------- */

bool cli_beside_open(const struct cli *cli, const struct eng_model *model,
                     const struct syn_document *doc, size_t offset, const char *path,
                     const char *root, struct cli_beside **out)
{
    const struct lsp_config *config = &cli->config;
    struct cli_beside *beside = *out = calloc(1, sizeof *beside);
    if (!beside) {
        cli_fail("out of memory");
        return false;
    }
    if (!config->index_enabled || !syn_document_language(doc)) return true;
    if (sources_of(config) && config->context_tokens > 0)
        select_extra(cli, doc, offset, path, root, beside);
    return !config->context_near || fill_shelf(cli, model, doc, path, root, beside);
}

void cli_beside_close(struct cli_beside *beside)
{
    if (!beside) return;
    asst_shelf_release(beside->shelf);
    free(beside);
}

struct asst_shelf *cli_beside_shelf(const struct cli_beside *beside)
{
    return beside ? beside->shelf : NULL;
}

const struct asst_extra *cli_beside_extra(const struct cli_beside *beside)
{
    return beside && beside->extra.count ? &beside->extra : NULL;
}

size_t cli_beside_files(const struct cli_beside *beside)
{
    return beside ? beside->files : 0;
}
