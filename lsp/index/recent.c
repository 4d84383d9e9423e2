/* Chunks of recent files.
 *
 * Where a chunk ends is the tree's choice as far as it can be: before a definition, when the
 * chunk would become too long with it. Words stand for what a text is about; no weights, no
 * stemming: the comparison runs at every keystroke.
 */
#include "lsp/index/recent.h"
#include "syntax/bytes.h"

#include <stdlib.h>
#include <string.h>

struct slot {
    char *path; /* NULL: free */
    struct idx_chunks chunks;
};

struct idx_recents {
    struct slot slots[IDX_RECENT_FILES]; /* the latest first */
    size_t count;
};

/* ---- Words ------------------------------------------------------------------------------ */

size_t idx_word(const char *text, size_t end, size_t *at)
{
    size_t i = *at;
    while (i < end) {
        while (i < end && !syn_is_word(text[i]))
            i++;
        size_t start = i;
        while (i < end && syn_is_word(text[i]))
            i++;
        if (i - start < 2 || (text[start] >= '0' && text[start] <= '9')) continue;
        *at = start;
        return i - start;
    }
    *at = end;
    return 0;
}

uint32_t idx_word_hash(const char *word, size_t len)
{
    uint64_t h = idx_hash(word, len);
    return (uint32_t)(h ^ h >> 32);
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

size_t idx_sort_words(uint32_t *words, size_t n)
{
    size_t kept = 0;
    if (n > 1) qsort(words, n, sizeof *words, by_value);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || words[i] != words[i - 1]) words[kept++] = words[i];
    return kept;
}

void idx_compare_words(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b, size_t *both,
                       size_t *either)
{
    size_t i = 0, k = 0;
    *both = 0;
    while (i < n_a && k < n_b) {
        bool same = a[i] == b[k], first = a[i] < b[k];
        *both += same;
        i += same || first;
        k += same || !first;
    }
    *either = n_a + n_b - *both;
}

/* ---- Chunks ----------------------------------------------------------------------------- */

/* Words of the chunk, put behind those of the others. */
static bool add_words(struct idx_chunks *out, struct idx_chunk *chunk)
{
    uint32_t found[IDX_CHUNK_WORDS];
    size_t n = 0, at = chunk->start, len;
    while (n < IDX_CHUNK_WORDS && (len = idx_word(out->text, chunk->end, &at)) > 0) {
        found[n++] = idx_word_hash(out->text + at, len);
        at += len;
    }
    n = idx_sort_words(found, n);
    uint32_t *grown = realloc(out->words, (out->n_words + n + 1) * sizeof *grown);
    if (!grown) return false;
    out->words = grown;
    memcpy(out->words + out->n_words, found, n * sizeof *found);
    chunk->words = out->n_words;
    chunk->n_words = (uint32_t)n;
    out->n_words += (uint32_t)n;
    return true;
}

static bool add_chunk(struct idx_chunks *out, size_t start, size_t end)
{
    if (out->count == IDX_MAX_CHUNKS || end <= start) return true;
    struct idx_chunk *chunk = &out->chunks[out->count];
    *chunk = (struct idx_chunk){.start = (uint32_t)start, .end = (uint32_t)end};
    if (!add_words(out, chunk)) return false;
    if (chunk->n_words > 0) out->count++;
    return true;
}

/* Marks the lines on which a definition starts: bounds[lines]. */
static bool find_bounds(const struct syn_document *doc, bool *bounds)
{
    struct syn_symbol *symbols = malloc(IDX_MAX_SYMBOLS * sizeof *symbols);
    size_t count = 0, lines = syn_line_count(doc);
    bool ok = symbols && syn_symbols(doc, symbols, IDX_MAX_SYMBOLS, &count, NULL) == SYN_OK;
    for (size_t i = 0; ok && i < count; i++)
        if (symbols[i].first_line < lines) bounds[symbols[i].first_line] = true;
    free(symbols);
    return ok;
}

/* Lines go into a chunk until it is full; it then ends in front of the last definition that began
 * in it, if that leaves it at least half as long. */
static bool cut(const struct syn_document *doc, const bool *bounds, struct idx_chunks *out)
{
    size_t lines = syn_line_count(doc), first = 0;
    while (first < lines) {
        size_t start = syn_line_start(doc, first), line = first, bound = 0;
        while (line < lines && line - first < IDX_CHUNK_LINES &&
               syn_line_start(doc, line + 1) - start <= IDX_CHUNK_BYTES) {
            if (bounds[line] && line > first) bound = line;
            line++;
        }
        if (line < lines && bounds[line]) bound = line;
        if (line < lines && bound > first + (line - first) / 2) line = bound;
        if (line > first && !add_chunk(out, start, syn_line_start(doc, line))) return false;
        first = line > first ? line : first + 1; /* a line too long for a chunk is left out */
    }
    return true;
}

enum idx_status idx_chunks_make(const struct gram_language *lang, const char *text, size_t len,
                                struct idx_chunks *out)
{
    *out = (struct idx_chunks){.lang = lang};
    if (len > IDX_RECENT_MAX_BYTES) return IDX_TOO_LARGE;
    enum idx_status status = idx_check_text(text, len);
    if (status != IDX_OK) return status;
    struct syn_document *doc = NULL;
    if (syn_document_new(lang, text, len, &doc, NULL) != SYN_OK) return IDX_BINARY;
    if (syn_document_parse(doc, IDX_PARSE_US, NULL) != SYN_OK) status = IDX_TOO_SLOW;
    bool *bounds = calloc(syn_line_count(doc) + 1, sizeof *bounds);
    out->text = malloc(len + 1);
    out->chunks = malloc(IDX_MAX_CHUNKS * sizeof *out->chunks);
    bool ok = bounds && out->text && out->chunks;
    if (ok) {
        memcpy(out->text, text, len);
        out->text_len = (uint32_t)len;
    }
    if (status == IDX_OK && !(ok && find_bounds(doc, bounds) && cut(doc, bounds, out)))
        status = IDX_NO_MEMORY;
    free(bounds);
    syn_document_free(doc);
    if (status != IDX_OK) idx_chunks_free(out);
    return status;
}

void idx_chunks_free(struct idx_chunks *chunks)
{
    free(chunks->text);
    free(chunks->chunks);
    free(chunks->words);
    *chunks = (struct idx_chunks){.lang = NULL};
}

/* ---- The latest ------------------------------------------------------------------------- */

struct idx_recents *idx_recents_new(void)
{
    return calloc(1, sizeof(struct idx_recents));
}

static void drop(struct idx_recents *recents, size_t i)
{
    free(recents->slots[i].path);
    idx_chunks_free(&recents->slots[i].chunks);
    recents->count--;
    memmove(&recents->slots[i], &recents->slots[i + 1],
            (recents->count - i) * sizeof *recents->slots);
}

void idx_recents_free(struct idx_recents *recents)
{
    while (recents && recents->count > 0)
        drop(recents, recents->count - 1);
    free(recents);
}

void idx_recents_remove(struct idx_recents *recents, const char *path)
{
    for (size_t i = 0; i < recents->count; i++) {
        if (strcmp(recents->slots[i].path, path) != 0) continue;
        drop(recents, i);
        return;
    }
}

void idx_recents_put(struct idx_recents *recents, const char *path, struct idx_chunks *chunks)
{
    char *copy = malloc(strlen(path) + 1);
    if (!copy) {
        idx_chunks_free(chunks);
        return;
    }
    strcpy(copy, path);
    idx_recents_remove(recents, path);
    if (recents->count == IDX_RECENT_FILES) drop(recents, recents->count - 1);
    memmove(&recents->slots[1], &recents->slots[0], recents->count * sizeof *recents->slots);
    recents->slots[0] = (struct slot){copy, *chunks};
    recents->count++;
    *chunks = (struct idx_chunks){.lang = NULL};
}

size_t idx_recents_count(const struct idx_recents *recents)
{
    return recents->count;
}

const struct idx_chunks *idx_recents_at(const struct idx_recents *recents, size_t i,
                                        const char **path)
{
    if (i >= recents->count) return NULL;
    *path = recents->slots[i].path;
    return &recents->slots[i].chunks;
}
