/* documents.c: open buffers and their changes.
 *
 * Owns the table and each entry's syn_document and token cache. Knows no requests: who
 * waits for a buffer that changes is the caller's business. A linear search over the open
 * buffers is what finds one; there are tens of them, and a comparison of URIs costs less
 * than anything done with the answer.
 */
#include "lsp/server/documents.h"

#include "grammars/grammars.h"

#include <stdlib.h>
#include <string.h>

struct lsp_documents {
    struct lsp_document **entries; /* [capacity] */
    size_t count, capacity;        /* at most LSP_MAX_DOCUMENTS */
    size_t total;                  /* bytes of text of all entries */
    uint64_t revision;             /* the last one given out */
};

struct lsp_documents *lsp_documents_new(void)
{
    return calloc(1, sizeof(struct lsp_documents));
}

static void free_document(struct lsp_document *document)
{
    if (!document) return;
    asst_tokens_free(document->tokens);
    lsp_shown_forget(&document->shown);
    rev_findings_free(&document->findings);
    syn_document_free(document->syn);
    free(document->uri);
    free(document);
}

void lsp_documents_free(struct lsp_documents *documents)
{
    if (!documents) return;
    for (size_t i = 0; i < documents->count; i++)
        free_document(documents->entries[i]);
    free(documents->entries);
    free(documents);
}

static size_t text_bytes(const struct lsp_document *document)
{
    size_t len;
    syn_document_text(document->syn, &len);
    return len;
}

/* Index of the entry, count when there is none. */
static size_t index_of(const struct lsp_documents *documents, const char *uri)
{
    size_t i = 0;
    while (i < documents->count && strcmp(documents->entries[i]->uri, uri) != 0)
        i++;
    return i;
}

struct lsp_document *lsp_documents_find(const struct lsp_documents *documents, const char *uri)
{
    size_t i = index_of(documents, uri);
    return i < documents->count ? documents->entries[i] : NULL;
}

bool lsp_document_is_plain(const struct lsp_document *document)
{
    size_t len;
    syn_document_text(document->syn, &len);
    return len > LSP_MAX_TREE_TEXT;
}

size_t lsp_documents_count(const struct lsp_documents *documents)
{
    return documents->count;
}

struct lsp_document *lsp_documents_at(const struct lsp_documents *documents, size_t i)
{
    return documents->entries[i];
}

/* ---- URIs -------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool lsp_path_of_uri(const char *uri, char *out, size_t capacity)
{
    static const char scheme[] = "file://";
    if (strncmp(uri, scheme, sizeof scheme - 1) != 0) return false;
    const char *at = strchr(uri + sizeof scheme - 1, '/'); /* past the host */
    size_t n = 0;
    while (at && *at && n + 1 < capacity) {
        int high = *at == '%' ? hex_digit(at[1]) : -1;
        int low = high >= 0 ? hex_digit(at[2]) : -1;
        char c = *at;
        if (low >= 0) {
            c = (char)(high * 16 + low);
            at += 2;
        }
        if (c == 0) return false;
        out[n++] = c;
        at++;
    }
    out[n] = 0;
    return at && *at == 0 && n > 0;
}

bool lsp_uri_of_path(const char *path, char *out, size_t capacity)
{
    size_t n = (size_t)snprintf(out, capacity, "file://");
    for (; *path && n + 4 <= capacity; path++) {
        unsigned char c = (unsigned char)*path;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~/", c);
        n += (size_t)snprintf(out + n, capacity - n, plain ? "%c" : "%%%02X", c);
    }
    return !*path && n < capacity;
}

static const struct gram_language *language_of(const struct lsp_open_params *params, size_t len)
{
    if (len > LSP_MAX_TREE_TEXT) return NULL;
    const struct gram_language *language = gram_by_id(params->language_id);
    if (language) return language;
    char path[4096];
    bool has_path = lsp_path_of_uri(params->uri, path, sizeof path);
    return gram_by_path(has_path ? path : params->uri, params->text, len);
}

/* ---- Opening and closing ----------------------------------------------------------- */

static bool reserve_entry(struct lsp_documents *documents, struct lsp_error *err)
{
    if (documents->count < documents->capacity) return true;
    if (documents->count == LSP_MAX_DOCUMENTS)
        return lsp_fail(err, "%u documents are open already", LSP_MAX_DOCUMENTS);
    size_t capacity = documents->capacity ? documents->capacity * 2 : 16;
    struct lsp_document **entries =
        realloc(documents->entries, capacity * sizeof *documents->entries);
    if (!entries) return lsp_fail(err, "out of memory");
    documents->entries = entries;
    documents->capacity = capacity;
    return true;
}

static bool check_total(const struct lsp_documents *documents, size_t more, struct lsp_error *err)
{
    return more <= LSP_MAX_TOTAL_TEXT - documents->total ||
           lsp_fail(err, "open documents would hold more than %u bytes", LSP_MAX_TOTAL_TEXT);
}

static struct lsp_document *new_document(const struct lsp_open_params *params,
                                         struct lsp_error *err)
{
    size_t len = strlen(params->text);
    struct lsp_document *document = calloc(1, sizeof *document);
    if (document) document->uri = strdup(params->uri);
    if (!document || !document->uri) {
        free_document(document);
        lsp_fail(err, "out of memory");
        return NULL;
    }
    struct syn_error why = {""};
    if (syn_document_new(language_of(params, len), params->text, len, &document->syn, &why)) {
        document->syn = NULL;
        free_document(document);
        lsp_fail(err, "%s", why.text);
        return NULL;
    }
    document->version = params->version;
    document->trusted = true;
    return document;
}

bool lsp_documents_open(struct lsp_documents *documents, const struct lsp_open_params *params,
                        struct lsp_document **out, struct lsp_error *err)
{
    lsp_documents_close(documents, params->uri);
    if (!reserve_entry(documents, err) || !check_total(documents, strlen(params->text), err))
        return false;
    struct lsp_document *document = new_document(params, err);
    if (!document) return false;
    document->revision = ++documents->revision;
    documents->total += text_bytes(document);
    documents->entries[documents->count++] = document;
    *out = document;
    return true;
}

bool lsp_documents_close(struct lsp_documents *documents, const char *uri)
{
    size_t i = index_of(documents, uri);
    if (i == documents->count) return false;
    documents->total -= text_bytes(documents->entries[i]);
    free_document(documents->entries[i]);
    documents->entries[i] = documents->entries[--documents->count];
    return true;
}

void lsp_documents_drop_tokens(struct lsp_documents *documents)
{
    for (size_t i = 0; i < documents->count; i++) {
        asst_tokens_free(documents->entries[i]->tokens);
        documents->entries[i]->tokens = NULL;
    }
}

void lsp_documents_forget_shown(struct lsp_documents *documents)
{
    for (size_t i = 0; i < documents->count; i++)
        lsp_shown_forget(&documents->entries[i]->shown);
}

/* ---- Changes ----------------------------------------------------------------------- */

static bool apply_change(struct lsp_documents *documents, struct lsp_document *document,
                         const struct lsp_change *change, enum syn_encoding encoding,
                         struct lsp_error *err)
{
    size_t len = strlen(change->text), old_len = text_bytes(document);
    size_t start = 0, end = old_len;
    if (change->has_range) {
        const struct lsp_range *range = &change->range;
        start = syn_offset_of(document->syn, range->start.line, range->start.character, encoding);
        end = syn_offset_of(document->syn, range->end.line, range->end.character, encoding);
        if (start > end)
            return lsp_fail(err, "change range %u:%u-%u:%u ends before it starts",
                            range->start.line, range->start.character, range->end.line,
                            range->end.character);
    }
    if (!check_total(documents, len, err)) return false;
    struct syn_error why = {""};
    if (syn_document_edit(document->syn, start, end, change->text, len, &why))
        return lsp_fail(err, "%s", why.text);
    lsp_shown_edit(&document->shown, start, end, change->text, len);
    documents->total = documents->total - old_len + text_bytes(document);
    document->cursor = start + len;
    return true;
}

/* A text that has grown past the limit goes on without a tree, until it is opened again. */
static bool drop_large_tree(struct lsp_document *document, struct lsp_error *err)
{
    size_t len;
    const char *text = syn_document_text(document->syn, &len);
    struct syn_document *plain;
    struct syn_error why = {""};
    if (len <= LSP_MAX_TREE_TEXT || !syn_document_language(document->syn)) return true;
    if (syn_document_new(NULL, text, len, &plain, &why)) return lsp_fail(err, "%s", why.text);
    syn_document_free(document->syn);
    document->syn = plain;
    return true;
}

bool lsp_documents_change(struct lsp_documents *documents, struct lsp_document *document,
                          const struct lsp_change_params *params, enum syn_encoding encoding,
                          struct lsp_error *err)
{
    bool whole = params->count > 0 && !params->changes[0].has_range;
    int64_t before = document->version;
    document->revision = ++documents->revision;
    if (!document->trusted && !whole)
        return lsp_fail(err, "an earlier change could not be applied");
    bool in_order = !params->has_version || params->version > before || whole;
    if (params->has_version) document->version = params->version;
    document->trusted = false;
    if (!in_order)
        return lsp_fail(err, "change to version %lld after version %lld",
                        (long long)params->version, (long long)before);
    for (size_t i = 0; i < params->count; i++)
        if (!apply_change(documents, document, &params->changes[i], encoding, err)) return false;
    document->trusted = drop_large_tree(document, err);
    return document->trusted;
}

/* ---- Parsing ----------------------------------------------------------------------- */

bool lsp_documents_parse(struct lsp_documents *documents, uint64_t budget_us)
{
    for (size_t i = 0; i < documents->count; i++) {
        struct syn_document *syn = documents->entries[i]->syn;
        if (syn_document_is_parsed(syn)) continue;
        /* One document a call when the time is limited: the next call takes the next. */
        if (syn_document_parse(syn, budget_us, NULL) == SYN_TIMEOUT || budget_us) return false;
    }
    return true;
}
