/* The index on disk.
 *
 * Reading goes over the bytes twice: once to check all of it, once to build entries. A file that
 * is refused in its last byte has changed nothing. The checksum finds torn and rotten files; the
 * other checks are for those that were made.
 */
#include "lsp/index/cache.h"
#include "grammars/grammars.h"
#include "lsp/kept.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_BYTES = 32, SYMBOL_BYTES = 25, LANGUAGE_MAX = 32 };

static const char magic[] = "ESPINDEX";
static_assert(sizeof magic == 8 + 1, "the magic has eight bytes");
static_assert(HEADER_BYTES == 8 + 4 + 4 + 8 + 8, "the header's fields fill it");
static_assert(SYMBOL_BYTES == 6 * 4 + 1, "a symbol's fields fill it");

/* ---- Writing ---------------------------------------------------------------------------- */

/* Sized before it is filled. */
struct sink {
    unsigned char *bytes; /* NULL: only counts */
    size_t at;
};

static void put_bytes(struct sink *s, const void *bytes, size_t len)
{
    if (s->bytes && len) memcpy(s->bytes + s->at, bytes, len);
    s->at += len;
}

static void put_number(struct sink *s, uint64_t value, size_t width)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < width; i++)
        bytes[i] = (unsigned char)(value >> (8 * i));
    put_bytes(s, bytes, width);
}

static void put_file(struct sink *s, const struct idx_file *file)
{
    const struct idx_entry *entry = file->entry;
    size_t path = strlen(file->path), id = strlen(entry->lang->id);
    put_number(s, path, 2);
    put_bytes(s, file->path, path);
    put_number(s, (uint64_t)file->stamp.modified, 8);
    put_number(s, file->stamp.size, 8);
    put_number(s, file->stamp.hash, 8);
    put_number(s, id, 1);
    put_bytes(s, entry->lang->id, id);
    put_number(s, entry->text_len, 4);
    put_bytes(s, entry->text, entry->text_len);
    put_number(s, entry->count, 4);
    for (uint32_t i = 0; i < entry->count; i++) {
        const struct idx_symbol *symbol = &entry->symbols[i];
        const uint32_t fields[] = {symbol->name,       symbol->name_len, symbol->header,
                                   symbol->header_len, symbol->line,     (uint32_t)symbol->owner};
        for (size_t k = 0; k < sizeof fields / sizeof *fields; k++)
            put_number(s, fields[k], 4);
        put_number(s, symbol->kind, 1);
    }
}

static uint32_t put_files(struct sink *s, const struct idx_store *store)
{
    uint32_t n = 0;
    struct idx_file file;
    for (uint32_t i = 0; i < idx_store_end(store); i++) {
        if (!idx_store_file(store, i, &file) || file.stamp.view != IDX_DISK || !file.entry->lang)
            continue;
        put_file(s, &file);
        n++;
    }
    return n;
}

char *idx_cache_write(const struct idx_store *store, size_t *len)
{
    struct sink sink = {.at = HEADER_BYTES};
    uint32_t n = put_files(&sink, store);
    if (sink.at > IDX_CACHE_MAX_BYTES) return NULL;
    *len = sink.at;
    sink = (struct sink){.bytes = malloc(*len), .at = HEADER_BYTES};
    if (!sink.bytes) return NULL;
    put_files(&sink, store);
    uint64_t sum = idx_hash(sink.bytes + HEADER_BYTES, *len - HEADER_BYTES);
    sink.at = 0;
    put_bytes(&sink, magic, 8);
    put_number(&sink, IDX_CACHE_VERSION, 4);
    put_number(&sink, n, 4);
    put_number(&sink, *len - HEADER_BYTES, 8);
    put_number(&sink, sum, 8);
    return (char *)sink.bytes;
}

/* ---- Reading ---------------------------------------------------------------------------- */

struct cursor {
    const unsigned char *at, *end;
    bool failed; /* something did not fit; all reads give 0 from then on */
};

static const unsigned char *take_bytes(struct cursor *c, size_t len)
{
    if (c->failed || len > (size_t)(c->end - c->at)) {
        c->failed = true;
        return NULL;
    }
    c->at += len;
    return c->at - len;
}

static uint64_t take_number(struct cursor *c, size_t width)
{
    const unsigned char *bytes = take_bytes(c, width);
    uint64_t value = 0;
    for (size_t i = 0; bytes && i < width; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

/* A file as it lies in the cache. */
struct record {
    const unsigned char *path, *text, *symbols;
    size_t path_len;
    uint32_t text_len, count;
    struct idx_stamp stamp; /* IDX_DISK */
    const struct gram_language *lang;
};

static bool is_text(const unsigned char *text, size_t len)
{
    struct syn_document *doc = NULL;
    bool ok = syn_document_new(NULL, (const char *)text, len, &doc, NULL) == SYN_OK;
    syn_document_free(doc);
    return ok;
}

static struct idx_symbol take_symbol(struct cursor *c)
{
    struct idx_symbol out;
    out.name = (uint32_t)take_number(c, 4);
    out.name_len = (uint32_t)take_number(c, 4);
    out.header = (uint32_t)take_number(c, 4);
    out.header_len = (uint32_t)take_number(c, 4);
    out.line = (uint32_t)take_number(c, 4);
    uint32_t owner = (uint32_t)take_number(c, 4);
    out.owner = owner <= INT32_MAX ? (int32_t)owner : -1;
    out.kind = (uint8_t)take_number(c, 1);
    return out;
}

static bool lies_in(uint32_t at, uint32_t len, uint32_t max, uint32_t text_len)
{
    return len <= max && len <= text_len && at <= text_len - len;
}

static const char *check_symbols(const struct record *r)
{
    struct cursor c = {r->symbols, r->symbols + (size_t)r->count * SYMBOL_BYTES, false};
    for (uint32_t i = 0; i < r->count; i++) {
        struct idx_symbol s = take_symbol(&c);
        if (!lies_in(s.name, s.name_len, IDX_MAX_NAME, r->text_len))
            return "a name outside its text";
        if (!lies_in(s.header, s.header_len, IDX_MAX_HEADER + 1, r->text_len))
            return "a header outside its text";
        if (s.owner >= 0 && (uint32_t)s.owner >= i) return "an owner behind its member";
        if (s.kind >= GRAM_KIND_COUNT) return "an unknown kind";
    }
    return NULL;
}

/* NULL, or what is wrong. */
static const char *take_record(struct cursor *c, struct record *r)
{
    r->stamp.view = IDX_DISK;
    r->path_len = (size_t)take_number(c, 2);
    r->path = take_bytes(c, r->path_len);
    r->stamp.modified = (int64_t)take_number(c, 8);
    r->stamp.size = take_number(c, 8);
    r->stamp.hash = take_number(c, 8);
    size_t id_len = (size_t)take_number(c, 1);
    const unsigned char *id = take_bytes(c, id_len);
    r->text_len = (uint32_t)take_number(c, 4);
    r->text = take_bytes(c, r->text_len);
    r->count = (uint32_t)take_number(c, 4);
    if (c->failed || r->count > IDX_MAX_SYMBOLS) return "a file that does not fit";
    r->symbols = take_bytes(c, (size_t)r->count * SYMBOL_BYTES);
    if (c->failed) return "a file that does not fit";
    if (r->path_len == 0 || r->path_len >= IDX_MAX_PATH || r->path[0] != '/' ||
        memchr(r->path, 0, r->path_len) || !is_text(r->path, r->path_len))
        return "a path that is none";
    char name[LANGUAGE_MAX + 1];
    if (id_len > LANGUAGE_MAX) return "an unknown language";
    memcpy(name, id, id_len);
    name[id_len] = 0;
    r->lang = gram_by_id(name);
    if (!r->lang || strcmp(r->lang->id, name) != 0) return "an unknown language";
    if (r->text_len > IDX_MAX_ENTRY_BYTES || !is_text(r->text, r->text_len))
        return "text that is none";
    if (r->stamp.modified < 0) return "a time before all times";
    return check_symbols(r);
}

static enum idx_status put_record(const struct record *r, struct idx_store *store)
{
    char path[IDX_MAX_PATH];
    memcpy(path, r->path, r->path_len);
    path[r->path_len] = 0;
    struct idx_entry entry = {.lang = r->lang, .text_len = r->text_len, .count = r->count};
    entry.text = malloc((size_t)r->text_len + 1);
    entry.symbols = malloc(((size_t)r->count + 1) * sizeof *entry.symbols);
    enum idx_status status = entry.text && entry.symbols ? IDX_OK : IDX_NO_MEMORY;
    if (status == IDX_OK) {
        memcpy(entry.text, r->text, r->text_len);
        struct cursor c = {r->symbols, r->symbols + (size_t)r->count * SYMBOL_BYTES, false};
        for (uint32_t i = 0; i < r->count; i++)
            entry.symbols[i] = take_symbol(&c);
        status = idx_store_put(store, path, &r->stamp, &entry);
    }
    idx_entry_free(&entry);
    return status;
}

static enum idx_status refuse(char why[128], const char *what)
{
    snprintf(why, 128, "%s", what);
    return IDX_BAD_FILE;
}

enum idx_status idx_cache_read(const char *bytes, size_t len, struct idx_store *store,
                               char why[128])
{
    why[0] = 0;
    struct cursor c = {(const unsigned char *)bytes, (const unsigned char *)bytes + len, false};
    const unsigned char *start = take_bytes(&c, 8);
    uint32_t version = (uint32_t)take_number(&c, 4), files = (uint32_t)take_number(&c, 4);
    uint64_t size = take_number(&c, 8), sum = take_number(&c, 8);
    if (c.failed || memcmp(start, magic, 8) != 0) return refuse(why, "not an index");
    if (version != IDX_CACHE_VERSION) return refuse(why, "an index of another version");
    if (size != (uint64_t)(c.end - c.at)) return refuse(why, "not as long as it says");
    if (sum != idx_hash(c.at, (size_t)size)) return refuse(why, "a wrong checksum");
    const struct cursor first = c;
    struct record record;
    for (uint32_t i = 0; i < files; i++) {
        const char *wrong = take_record(&c, &record);
        if (wrong) return refuse(why, wrong);
    }
    if (c.at != c.end) return refuse(why, "something behind its last file");
    c = first;
    for (uint32_t i = 0; i < files; i++) {
        take_record(&c, &record);
        enum idx_status status = put_record(&record, store);
        if (status == IDX_NO_MEMORY) return status;
        if (status != IDX_OK) break; /* full: the walk will see what is missing */
    }
    return IDX_OK;
}

/* ---- The file --------------------------------------------------------------------------- */

enum idx_status idx_cache_load(const char *path, struct idx_store *store, char why[128])
{
    static_assert(LSP_KEPT_WHY == 128, "both say why in as many bytes");
    size_t len;
    char *bytes = lsp_kept_read(path, HEADER_BYTES, IDX_CACHE_MAX_BYTES, &len, why);
    enum idx_status status = bytes ? idx_cache_read(bytes, len, store, why) : IDX_BAD_FILE;
    free(bytes);
    return status;
}

bool idx_cache_save(const char *path, const struct idx_store *store)
{
    size_t len;
    char *bytes = idx_cache_write(store, &len);
    bool ok = bytes && lsp_kept_write(path, bytes, len);
    free(bytes);
    return ok;
}
