/* corpus.c: walking folders into a list of source files.
 *
 * Owns the order: the same folders give the same list on every machine, as samples drawn
 * from it have to be the same.
 */
#include "lsp/cli/eval/corpus.h"
#include "grammars/grammars.h"
#include "lsp/cli/cli.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 64, PATH_BYTES = 4096, NAME_BYTES = 320 };

static bool grow(void **array, size_t size, size_t used, size_t *capacity)
{
    if (used < *capacity) return true;
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *grown =
        wanted <= 4 * (size_t)CLI_CORPUS_MAX_FILES ? realloc(*array, wanted * size) : NULL;
    if (!grown) return false;
    *array = grown;
    *capacity = wanted;
    return true;
}

/* Where a walk stands. */
struct walk {
    struct cli_corpus *corpus;
    const struct gram_language *lang; /* of a language folder above, or NULL */
    char package[NAME_BYTES];         /* "" until its folder was entered */
};

static bool package_number(struct cli_corpus *c, const char *lang, const char *name, uint32_t *out)
{
    char full[NAME_BYTES + 64];
    snprintf(full, sizeof full, "%s/%s", lang, name[0] ? name : "-");
    for (size_t i = c->n_packages; i-- > 0;)
        if (strcmp(c->packages[i], full) == 0) {
            *out = (uint32_t)i;
            return true;
        }
    if (!grow((void **)&c->packages, sizeof *c->packages, c->n_packages, &c->packages_capacity))
        return false;
    char *copy = malloc(strlen(full) + 1);
    if (!copy) return false;
    strcpy(copy, full);
    *out = (uint32_t)c->n_packages;
    c->packages[c->n_packages++] = copy;
    return true;
}

static bool add_file(struct walk *w, const char *path, size_t bytes)
{
    struct cli_corpus *c = w->corpus;
    const struct gram_language *lang = w->lang ? w->lang : gram_by_path(path, NULL, 0);
    if (!lang || bytes > CLI_CORPUS_FILE_MAX || bytes == 0) {
        c->passed_over++;
        return true;
    }
    struct cli_file file = {.lang = lang, .len = bytes};
    if (c->count >= CLI_CORPUS_MAX_FILES) {
        cli_fail("more than %u files", CLI_CORPUS_MAX_FILES);
        return false;
    }
    if (grow((void **)&c->files, sizeof *c->files, c->count, &c->capacity) &&
        package_number(c, lang->id, w->package, &file.package) &&
        (file.path = malloc(strlen(path) + 1))) {
        strcpy(file.path, path);
        c->files[c->count++] = file;
        return true;
    }
    cli_fail("out of memory for the list of files");
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_free(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

static bool read_names(const char *path, char ***names, size_t *n)
{
    *names = NULL;
    *n = 0;
    size_t capacity = 0;
    DIR *dir = opendir(path);
    if (!dir) {
        cli_fail("%s: cannot be read: %s", path, strerror(errno));
        return false;
    }
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        char *copy = malloc(strlen(entry->d_name) + 1);
        ok = copy && grow((void **)names, sizeof **names, *n, &capacity);
        if (!ok) {
            free(copy);
            cli_fail("out of memory for the list of files");
            break;
        }
        strcpy(copy, entry->d_name);
        (*names)[(*n)++] = copy;
    }
    closedir(dir);
    if (ok && *n) qsort(*names, *n, sizeof **names, by_name);
    return ok;
}

static bool visit(struct walk *w, const char *path, int depth);

static bool visit_folder(struct walk *w, const char *path, int depth)
{
    char **names;
    size_t n;
    bool ok = read_names(path, &names, &n);
    for (size_t i = 0; ok && i < n; i++) {
        char below[PATH_BYTES];
        int len = snprintf(below, sizeof below, "%s/%s", path, names[i]);
        struct stat info;
        if (len < 0 || (size_t)len >= sizeof below || lstat(below, &info) != 0) continue;
        if (S_ISREG(info.st_mode)) {
            ok = add_file(w, below, (size_t)info.st_size);
        } else if (S_ISDIR(info.st_mode)) {
            struct walk inner = *w;
            const struct gram_language *lang = gram_by_id(names[i]);
            if (!inner.lang && !inner.package[0] && lang && strcmp(lang->id, names[i]) == 0)
                inner.lang = lang;
            else if (!inner.package[0])
                snprintf(inner.package, sizeof inner.package, "%.300s", names[i]);
            ok = visit(&inner, below, depth + 1);
        }
    }
    names_free(names, n);
    return ok;
}

static bool visit(struct walk *w, const char *path, int depth)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        cli_fail("%s: cannot be read: %s", path, strerror(errno));
        return false;
    }
    if (S_ISDIR(info.st_mode)) return depth >= DEPTH_MAX || visit_folder(w, path, depth);
    return add_file(w, path, (size_t)info.st_size);
}

static int by_language_and_path(const void *a, const void *b)
{
    const struct cli_file *x = a, *y = b;
    if (x->lang != y->lang) return x->lang < y->lang ? -1 : 1; /* rows of one table */
    return strcmp(x->path, y->path);
}

bool cli_corpus_open(const char *const *paths, size_t n_paths, struct cli_corpus *out)
{
    memset(out, 0, sizeof *out);
    bool ok = true;
    for (size_t i = 0; ok && i < n_paths; i++) {
        struct walk walk = {.corpus = out};
        /* A language folder may be named itself. */
        const char *slash = strrchr(paths[i], '/'), *name = slash ? slash + 1 : paths[i];
        const struct gram_language *lang = gram_by_id(name);
        if (lang && strcmp(lang->id, name) == 0) walk.lang = lang;
        ok = visit(&walk, paths[i], 0);
    }
    if (ok && out->count == 0) {
        cli_fail("no source files of a known language found");
        ok = false;
    }
    if (!ok)
        cli_corpus_close(out);
    else
        qsort(out->files, out->count, sizeof *out->files, by_language_and_path);
    return ok;
}

void cli_corpus_close(struct cli_corpus *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free(c->files[i].path);
        free(c->files[i].text);
    }
    for (size_t i = 0; i < c->n_packages; i++)
        free(c->packages[i]);
    free(c->files);
    free(c->packages);
    memset(c, 0, sizeof *c);
}

bool cli_corpus_load(struct cli_corpus *c, struct cli_file *file)
{
    if (file->text) return true;
    size_t len;
    file->text = cli_read_file(file->path, &len);
    struct syn_document *probe = NULL;
    bool ok = file->text && syn_document_new(NULL, file->text, len, &probe, NULL) == SYN_OK;
    syn_document_free(probe);
    file->len = len;
    if (ok) return true;
    cli_corpus_unload(file);
    c->passed_over++;
    return false;
}

void cli_corpus_unload(struct cli_file *file)
{
    free(file->text);
    file->text = NULL;
}

bool cli_corpus_range(const struct cli_corpus *c, const struct gram_language *lang, size_t *first,
                      size_t *last)
{
    *first = 0;
    while (*first < c->count && c->files[*first].lang != lang)
        (*first)++;
    *last = *first;
    while (*last < c->count && c->files[*last].lang == lang)
        (*last)++;
    return *last > *first;
}
