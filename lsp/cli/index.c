/* index.c: `espalier index`.
 *
 * Shows what the workspace index sees: how much of a folder, what of one file, and what of other
 * files it would put in front of a completion at a place. Keeps nothing unless it is told where.
 */
#include "grammars/grammars.h"
#include "lsp/cli/cli.h"
#include "lsp/cli/place.h"
#include "lsp/index/cache.h"
#include "lsp/index/scan.h"
#include "lsp/index/select.h"

#include <cjson/cJSON.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: espalier index [FOLDER] [OPTION]...\n"
    "       espalier index --symbols FILE\n"
    "       espalier index [FOLDER] --at FILE:LINE:COL\n"
    "\n"
    "Indexes a folder (default: the present one) as the language server does, and prints what\n"
    "became of its files. With --symbols: what the index keeps of one file. With --at: the lines\n"
    "of other files that a completion there would be shown, first what matters most.\n"
    "\n"
    "  --sources LIST  for --at: used, pair and siblings, with commas between them\n"
    "  --cache FILE    starts from this file and leaves the index there\n"
    "  --no-ignore     files that .gitignore and .ignore leave out as well\n"
    "  --json          one JSON document\n";

struct options {
    const char *symbols, *at, *sources, *cache;
    bool json, no_ignore;
};

/* ---- One file --------------------------------------------------------------------------- */

static const char *status_text(enum idx_status status)
{
    static const char *const texts[] = {[IDX_OK] = "fine",
                                        [IDX_NO_MEMORY] = "out of memory",
                                        [IDX_FULL] = "no room",
                                        [IDX_BINARY] = "not text",
                                        [IDX_MINIFIED] = "minified",
                                        [IDX_TOO_LARGE] = "too large",
                                        [IDX_TOO_SLOW] = "takes too long to parse",
                                        [IDX_BAD_FILE] = "cannot be read"};
    return texts[status];
}

static void print_symbol(const struct idx_entry *entry, const struct idx_symbol *s)
{
    int depth = 0;
    for (int32_t at = s->owner; at >= 0; at = entry->symbols[at].owner)
        depth++;
    size_t first = 0;
    const char *header = entry->text + s->header;
    while (first < s->header_len && header[first] != '\n' && header[first] != '\r')
        first++;
    printf("%5u %-11s %*s%.*s%s", s->line + 1, gram_kind_name(s->kind), 2 * depth, "",
           (int)s->name_len, entry->text + s->name, s->name_len ? ": " : "");
    size_t skip = 0;
    while (skip < first && (header[skip] == ' ' || header[skip] == '\t'))
        skip++;
    printf("%.*s\n", (int)(first - skip), header + skip);
}

static int show_symbols(const char *path)
{
    size_t len;
    char *text = cli_read_file(path, &len);
    if (!text) return CLI_ERROR;
    const struct gram_language *lang = gram_by_path(path, text, len);
    struct idx_entry entry = {0};
    enum idx_status status = lang ? idx_extract(lang, text, len, &entry) : IDX_OK;
    free(text);
    if (!lang) return cli_fail("%s: of no known language", path);
    if (status != IDX_OK) return cli_fail("%s: %s", path, status_text(status));
    for (uint32_t i = 0; i < entry.count; i++)
        print_symbol(&entry, &entry.symbols[i]);
    idx_entry_free(&entry);
    return CLI_OK;
}

/* ---- A folder --------------------------------------------------------------------------- */

static bool absolute(const char *path, char out[IDX_MAX_PATH])
{
    size_t n = 0;
    if (path[0] != '/') {
        if (!getcwd(out, IDX_MAX_PATH - 1)) return false;
        n = strlen(out);
        out[n++] = '/';
    }
    if (strncmp(path, "./", 2) == 0) path += 2;
    if (strcmp(path, ".") == 0) path = "";
    if (strlen(path) >= IDX_MAX_PATH - n) return false;
    strcpy(out + n, path);
    size_t len = strlen(out);
    while (len > 1 && out[len - 1] == '/')
        out[--len] = 0;
    return true;
}

static const struct {
    const char *name;
    size_t offset;
} count_names[] = {{"files", offsetof(struct idx_counts, files)},
                   {"indexed", offsetof(struct idx_counts, indexed)},
                   {"unchanged", offsetof(struct idx_counts, unchanged)},
                   {"sameText", offsetof(struct idx_counts, same_text)},
                   {"removed", offsetof(struct idx_counts, removed)},
                   {"binary", offsetof(struct idx_counts, binary)},
                   {"minified", offsetof(struct idx_counts, minified)},
                   {"tooLarge", offsetof(struct idx_counts, large)},
                   {"tooSlow", offsetof(struct idx_counts, slow)},
                   {"unreadable", offsetof(struct idx_counts, unreadable)},
                   {"noRoom", offsetof(struct idx_counts, full)},
                   {"ignored", offsetof(struct idx_counts, ignored)}};
enum { N_COUNTS = sizeof count_names / sizeof *count_names };

static uint64_t count_at(const struct idx_counts *counts, int i)
{
    uint64_t value;
    memcpy(&value, (const char *)counts + count_names[i].offset, sizeof value);
    return value;
}

static void print_counts(const struct idx_counts *counts, const struct idx_store_info *info,
                         double ms, bool json)
{
    double megabytes = (double)counts->bytes / 1e6;
    if (!json) {
        for (int i = 0; i < N_COUNTS; i++)
            if (i == 0 || count_at(counts, i))
                printf("%-11s %" PRIu64 "\n", count_names[i].name, count_at(counts, i));
        printf("symbols     %" PRIu64 "\nmemory      %.1f MB\n", info->symbols,
               (double)info->bytes / 1e6);
        printf("time        %.0f ms: %.0f files/s, %.1f MB/s\n", ms,
               1e3 * (double)counts->files / ms, 1e3 * megabytes / ms);
        return;
    }
    cJSON *root = cJSON_CreateObject();
    for (int i = 0; i < N_COUNTS; i++)
        cJSON_AddNumberToObject(root, count_names[i].name, (double)count_at(counts, i));
    cJSON_AddNumberToObject(root, "symbols", (double)info->symbols);
    cJSON_AddNumberToObject(root, "bytes", (double)counts->bytes);
    cJSON_AddNumberToObject(root, "memory", (double)info->bytes);
    cJSON_AddNumberToObject(root, "ms", ms);
    char *text = cJSON_Print(root);
    if (text) puts(text);
    cJSON_free(text);
    cJSON_Delete(root);
}

/* What the sources say for a place; its file's own entry is the one of the file as it is. */
static int show_place(const struct idx_store *store, const char *folder, const struct options *o)
{
    struct cli_place place;
    size_t path_len, offset, line, column, len;
    char name[IDX_MAX_PATH], path[IDX_MAX_PATH];
    struct idx_query query = {.root = folder, .sources = IDX_ALL_SOURCES};
    if (o->sources && !idx_sources_of(o->sources, &query.sources))
        return cli_fail("--sources takes used, pair, siblings or all, not \"%s\"", o->sources);
    if (!cli_place_parse(o->at, &place, &path_len) || path_len == 0 || path_len >= sizeof name)
        return cli_fail("expected FILE:LINE:COL with LINE and COL from 1, not \"%s\"", o->at);
    snprintf(name, sizeof name, "%.*s", (int)path_len, o->at);
    struct syn_document *doc = NULL;
    if (!absolute(name, path) || !cli_open_document(name, NULL, &doc)) return CLI_ERROR;
    struct idx_selection *selection = malloc(sizeof *selection);
    int code = selection ? CLI_OK : cli_fail("out of memory");
    if (code == CLI_OK && !cli_place_offset(doc, name, &place, &offset)) code = CLI_ERROR;
    if (code == CLI_OK) {
        query.path = path;
        query.lang = syn_document_language(doc);
        query.text = syn_document_text(doc, &len);
        syn_position_of(doc, offset, SYN_UTF8, &line, &column);
        idx_query_ranges(doc, line, line, &query);
        idx_select(store, NULL, &query, selection);
        for (size_t i = 0; i < selection->count; i++)
            printf("%-8s %.*s", idx_source_name(selection->snippets[i].source),
                   (int)selection->snippets[i].len, selection->text + selection->snippets[i].text);
    }
    free(selection);
    syn_document_free(doc);
    return code;
}

static int index_folder(struct cli *cli, const char *folder, const struct options *o)
{
    const struct idx_limits limits = {(size_t)cli->config.index_megabytes << 20,
                                      (uint32_t)cli->config.index_max_files};
    struct idx_store *store = idx_store_new(&limits);
    const struct idx_target target = {.store = store,
                                      .max_file = (uint64_t)cli->config.index_max_kilobytes << 10};
    char why[128];
    double began = cli_now_ms();
    if (store && o->cache && idx_cache_load(o->cache, store, why) == IDX_BAD_FILE && why[0])
        cli_log(cli, LSP_LOG_WARN, "%s: %s; made anew", o->cache, why);
    struct idx_scan *scan = store ? idx_scan_open(&target, folder, o->no_ignore) : NULL;
    if (!scan) {
        idx_store_free(store);
        return cli_fail("out of memory");
    }
    struct idx_counts counts;
    for (unsigned n = 1; idx_scan_step(scan); n++)
        if (n % 64 == 0) cli_progress(cli, "%u files", n);
    cli_progress_end(cli);
    idx_scan_counts(scan, &counts);
    idx_scan_close(scan);
    double ms = cli_now_ms() - began;
    struct idx_store_info info;
    idx_store_info(store, &info);
    int code = CLI_OK;
    if (o->cache && !idx_cache_save(o->cache, store))
        code = cli_fail("%s: cannot be written", o->cache);
    else if (o->at)
        code = show_place(store, folder, o);
    else
        print_counts(&counts, &info, ms, o->json);
    idx_store_free(store);
    return code;
}

int cli_index(struct cli *cli, int argc, char **argv)
{
    struct options o = {.json = false};
    const struct cli_option options[] = {{"--symbols", CLI_TEXT, &o.symbols, 0, 0},
                                         {"--at", CLI_TEXT, &o.at, 0, 0},
                                         {"--sources", CLI_TEXT, &o.sources, 0, 0},
                                         {"--cache", CLI_TEXT, &o.cache, 0, 0},
                                         {"--no-ignore", CLI_FLAG, &o.no_ignore, 0, 0},
                                         {"--json", CLI_FLAG, &o.json, 0, 0},
                                         {0}};
    const char *words[1] = {"."};
    size_t n_words;
    char folder[IDX_MAX_PATH];
    if (!cli_parse(cli, options, argc, argv, words, 1, &n_words)) return CLI_ERROR;
    if (cli->help) {
        fputs(help, stdout);
        return CLI_OK;
    }
    if (o.symbols) return show_symbols(o.symbols);
    if (!absolute(n_words ? words[0] : ".", folder)) return cli_fail("the path is too long");
    return index_folder(cli, folder, &o);
}
