/* near.c: a short sorted list, kept while the store's paths go by; then their texts, file by file.
 *
 * Without a store all that the walk finds is sorted instead, as it is not known before a file is
 * read whether an index would have it.
 */
#include "lsp/index/near.h"
#include "grammars/grammars.h"

#include <stdlib.h>
#include <string.h>

bool idx_is_family(const struct gram_language *a, const struct gram_language *b)
{
    static const char *const families[] = {"c cpp", "javascript typescript tsx"};
    if (a == b) return true;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        const char *x = strstr(families[i], a->id), *y = strstr(families[i], b->id);
        if (x && y) return true;
    }
    return false;
}

/* Bytes that both begin with, twice, and one more for the same language. */
static size_t nearness(const char *other, const struct gram_language *others, const char *path,
                       const struct gram_language *lang)
{
    size_t n = 0;
    while (path[n] && path[n] == other[n])
        n++;
    return 2 * n + (others == lang);
}

size_t idx_near(const struct idx_store *store, unsigned view, const char *path, const char *root,
                const struct gram_language *lang, uint32_t *files, size_t max)
{
    size_t score[IDX_NEAR_FILES], kept = 0;
    if (max > IDX_NEAR_FILES) max = IDX_NEAR_FILES;
    for (uint32_t i = 0; max > 0 && i < idx_store_end(store); i++) {
        struct idx_file file;
        if (!idx_store_sees(store, view, i) || !idx_store_file(store, i, &file) ||
            !file.entry->lang || !idx_is_family(file.entry->lang, lang) ||
            !idx_is_below(file.path, root) || strcmp(file.path, path) == 0)
            continue;
        size_t own = nearness(file.path, file.entry->lang, path, lang), at = kept;
        while (at > 0 && score[at - 1] < own)
            at--;
        if (at == max) continue;
        if (kept < max) kept++;
        memmove(files + at + 1, files + at, (kept - at - 1) * sizeof *files);
        memmove(score + at + 1, score + at, (kept - at - 1) * sizeof *score);
        files[at] = i;
        score[at] = own;
    }
    return kept;
}

/* ---- Texts ------------------------------------------------------------------------------ */

static void lock(const struct idx_target *t)
{
    if (t->guard.lock) t->guard.lock(t->guard.user);
}

static void unlock(const struct idx_target *t)
{
    if (t->guard.unlock) t->guard.unlock(t->guard.user);
}

/* A copy of what an editor has of the path; NULL when it is not among the recents. */
static char *recent_text(const struct idx_target *target, const struct idx_recents *recents,
                         const char *path, size_t *len)
{
    const char *name;
    const struct idx_chunks *chunks;
    char *text = NULL;
    lock(target);
    for (size_t i = 0; recents && (chunks = idx_recents_at(recents, i, &name)) != NULL; i++) {
        if (strcmp(name, path) != 0) continue;
        text = malloc(chunks->text_len + 1);
        *len = chunks->text_len;
        if (text) memcpy(text, chunks->text, *len);
        break;
    }
    unlock(target);
    return text;
}

/* The path of a file by its number; false when it has gone meanwhile. */
static bool path_of(const struct idx_target *target, uint32_t number, char path[IDX_MAX_PATH])
{
    struct idx_file file;
    lock(target);
    bool there = idx_store_file(target->store, number, &file);
    if (there) strncpy(path, file.path, IDX_MAX_PATH - 1);
    unlock(target);
    path[IDX_MAX_PATH - 1] = 0;
    return there;
}

void idx_near_texts(const struct idx_target *target, const struct idx_recents *recents,
                    const char *path, const char *root, const struct gram_language *lang,
                    struct idx_texts *out)
{
    uint32_t files[IDX_NEAR_FILES];
    size_t room = IDX_NEAR_BYTES;
    out->n = 0;
    lock(target);
    size_t n = idx_near(target->store, target->view, path, root, lang, files, IDX_NEAR_FILES);
    unlock(target);
    for (size_t i = 0; i < n && room > 0; i++) {
        char name[IDX_MAX_PATH];
        size_t len = 0;
        if (!path_of(target, files[i], name)) continue;
        char *text = recent_text(target, recents, name, &len);
        if (!text) text = idx_read_bytes(name, IDX_NEAR_MAX_BYTES, &len);
        if (!text || len > IDX_NEAR_MAX_BYTES || len > room) {
            free(text);
            continue;
        }
        out->at[out->n++] = (struct idx_text){text, len};
        room -= len;
    }
}

/* ---- Without an index ------------------------------------------------------------------- */

/* So many found, and the walk need not leave the folder for a farther one: twice what is read, as
 * some may turn out to be none that is indexed. */
enum { ENOUGH = 2 * IDX_NEAR_FILES };

struct neighbour {
    char *path;
    size_t nearness;
};

/* The order in which a walk from the root comes to them. */
static int by_walk(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    unsigned char x = *a == '/' ? 1 : (unsigned char)*a, y = *b == '/' ? 1 : (unsigned char)*b;
    return x < y ? -1 : x > y;
}

static int by_nearness(const void *a, const void *b)
{
    const struct neighbour *x = a, *y = b;
    if (x->nearness != y->nearness) return x->nearness > y->nearness ? -1 : 1;
    return by_walk(x->path, y->path);
}

/* Shortens *inner, the part of the path that is the folder which is walked, until found is below.
 */
static bool is_farther(const char *path, const char *found, size_t *inner)
{
    size_t before = *inner;
    while (*inner > 0 && (strncmp(path, found, *inner) != 0 || found[*inner] != '/'))
        while (*inner > 0 && path[--*inner] != '/')
            ;
    return *inner < before;
}

/* The neighbours that a walk outwards finds, the nearest first; the caller frees them. */
static size_t find_neighbours(const char *root, const char *path, const struct gram_language *lang,
                              struct neighbour *out)
{
    struct idx_walk *walk = idx_walk_outwards(root, path);
    struct idx_found found;
    size_t n = 0, inner = idx_folder_of(path);
    while (walk && n < IDX_NEAR_NAMES && idx_walk_looked_at(walk) < IDX_NEAR_NAMES &&
           idx_walk_next(walk, &found)) {
        if (is_farther(path, found.path, &inner) && n >= ENOUGH) break;
        if (!idx_is_family(found.lang, lang) || strcmp(found.path, path) == 0) continue;
        size_t own = nearness(found.path, found.lang, path, lang);
        out[n] = (struct neighbour){strdup(found.path), own};
        if (!out[n].path) break;
        n++;
    }
    idx_walk_close(walk);
    if (n) qsort(out, n, sizeof *out, by_nearness);
    return n;
}

/* Would an index have it? But for the time that it takes to parse. */
static bool is_indexed(const char *text, size_t len)
{
    struct syn_document *doc = NULL;
    bool is = idx_check_text(text, len) == IDX_OK &&
              syn_document_new(NULL, text, len, &doc, NULL) == SYN_OK;
    syn_document_free(doc);
    return is;
}

void idx_near_texts_outwards(const char *root, const char *path, const struct gram_language *lang,
                             uint64_t max_file, struct idx_texts *out)
{
    struct neighbour *all = malloc(IDX_NEAR_NAMES * sizeof *all);
    size_t n = all ? find_neighbours(root, path, lang, all) : 0, room = IDX_NEAR_BYTES;
    out->n = 0;
    for (size_t i = 0, indexed = 0; i < n && indexed < IDX_NEAR_FILES && room > 0; i++) {
        size_t len;
        char *text = idx_read_bytes(all[i].path, (size_t)max_file, &len);
        bool fits = text && len <= max_file && is_indexed(text, len);
        indexed += fits;
        if (!fits || len > IDX_NEAR_MAX_BYTES || len > room) {
            free(text);
            continue;
        }
        out->at[out->n++] = (struct idx_text){text, len};
        room -= len;
    }
    for (size_t i = 0; i < n; i++)
        free(all[i].path);
    free(all);
}

void idx_texts_free(struct idx_texts *texts)
{
    while (texts->n > 0)
        free(texts->at[--texts->n].text);
}
