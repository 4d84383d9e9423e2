/* near.c: a short sorted list, kept while the store's paths go by. */
#include "lsp/index/near.h"
#include "grammars/grammars.h"

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

size_t idx_near(const struct idx_store *store, const char *path, const char *root,
                const struct gram_language *lang, uint32_t *files, size_t max)
{
    size_t score[IDX_NEAR_FILES], kept = 0;
    if (max > IDX_NEAR_FILES) max = IDX_NEAR_FILES;
    for (uint32_t i = 0; max > 0 && i < idx_store_end(store); i++) {
        struct idx_file file;
        if (!idx_store_file(store, i, &file) || !file.entry->lang ||
            !idx_is_family(file.entry->lang, lang) || !idx_is_below(file.path, root) ||
            strcmp(file.path, path) == 0)
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
