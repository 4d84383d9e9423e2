/* near.c: a short sorted list, kept while the store's paths go by; then their texts, file by file.
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
static size_t nearness(const struct idx_file *file, const char *path,
                       const struct gram_language *lang)
{
    size_t n = 0;
    while (path[n] && path[n] == file->path[n])
        n++;
    return 2 * n + (file->entry->lang == lang);
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
        size_t own = nearness(&file, path, lang), at = kept;
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

void idx_texts_free(struct idx_texts *texts)
{
    while (texts->n > 0)
        free(texts->at[--texts->n].text);
}
