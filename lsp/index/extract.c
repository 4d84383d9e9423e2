/* What the index keeps of a file: headers and names, copied into one block of text.
 *
 * Owns the bounds: a file gives at most so many symbols and so many bytes, however it was made.
 * Headers that several names share are stored once.
 */
#include "lsp/index/extract.h"
#include "grammars/grammars.h"
#include "syntax/bytes.h"

#include <stdlib.h>
#include <string.h>

enum {
    ZERO_BYTES = 8192,      /* looked through for a zero byte */
    LONG_LINE = 4000,       /* bytes of a line that a machine made ... */
    LONG_MEAN = 300,        /* ... and of a mean line, ... */
    MEAN_FROM = 16 * 1024u, /* ... in a text of that many */
};

uint64_t idx_hash(const void *bytes, size_t len)
{
    return syn_hash(SYN_HASH_START, bytes, len);
}

enum idx_status idx_check_text(const char *text, size_t len)
{
    if (memchr(text, 0, len < ZERO_BYTES ? len : ZERO_BYTES)) return IDX_BINARY;
    size_t lines = 1, start = 0, end = len;
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\n' && text[i] != '\r') continue;
        if (i - start > LONG_LINE) return IDX_MINIFIED;
        lines += text[i] == '\n';
        start = i + 1;
    }
    if (end - start > LONG_LINE || (len >= MEAN_FROM && len / lines > LONG_MEAN))
        return IDX_MINIFIED;
    return IDX_OK;
}

/* Room for everything that could be taken, cut down at the end. */
struct builder {
    const struct syn_document *doc;
    const char *text;
    struct idx_entry *out;
    uint32_t *place; /* of the document's symbols: number in the entry, UINT32_MAX: left out */
};

/* Copies bytes [start, end) of the document behind the entry's text. */
static bool copy(struct builder *b, size_t start, size_t end, uint32_t *at)
{
    if (end - start > IDX_MAX_ENTRY_BYTES - b->out->text_len) return false;
    *at = b->out->text_len;
    memcpy(b->out->text + *at, b->text + start, end - start);
    b->out->text_len += (uint32_t)(end - start);
    return true;
}

/* Lines of a header that fit; a last line without an end gets one. */
static bool copy_header(struct builder *b, const struct syn_symbol *from, struct idx_symbol *to)
{
    size_t start = syn_line_start(b->doc, from->first_line), end = start;
    for (uint32_t line = from->first_line; line <= from->last_line; line++) {
        size_t next = syn_line_start(b->doc, (size_t)line + 1);
        if (next - start > IDX_MAX_HEADER) break;
        end = next;
    }
    if (end == start || end - start + 1 > IDX_MAX_ENTRY_BYTES - b->out->text_len) return false;
    if (!copy(b, start, end, &to->header)) return false;
    if (b->text[end - 1] != '\n' && b->text[end - 1] != '\r')
        b->out->text[b->out->text_len++] = '\n';
    to->header_len = b->out->text_len - to->header;
    return true;
}

/* The name lies in the header where it can. */
static bool place_name(struct builder *b, const struct syn_symbol *from, struct idx_symbol *to)
{
    if (from->kind == GRAM_KIND_IMPORT) return true;
    size_t start = syn_line_start(b->doc, from->first_line);
    size_t len = from->name.end - from->name.start;
    if (len > IDX_MAX_NAME) return false;
    to->name_len = (uint32_t)len;
    if (from->name.start >= start && from->name.end - start <= to->header_len) {
        to->name = to->header + (uint32_t)(from->name.start - start);
        return true;
    }
    return copy(b, from->name.start, from->name.end, &to->name);
}

static void take(struct builder *b, const struct syn_symbol *all, size_t i)
{
    struct idx_entry *out = b->out;
    const struct syn_symbol *from = &all[i];
    struct idx_symbol symbol = {.line = from->first_line, .owner = -1, .kind = from->kind};
    b->place[i] = UINT32_MAX;
    const struct idx_symbol *last = out->count > 0 ? &out->symbols[out->count - 1] : NULL;
    bool shared = i > 0 && last && all[i - 1].start == from->start && last->line == symbol.line;
    if (shared) {
        symbol.header = last->header;
        symbol.header_len = last->header_len;
    } else if (!copy_header(b, from, &symbol)) {
        return;
    }
    if (!place_name(b, from, &symbol)) return;
    if (from->owner >= 0 && b->place[from->owner] != UINT32_MAX)
        symbol.owner = (int32_t)b->place[from->owner];
    b->place[i] = out->count;
    out->symbols[out->count++] = symbol;
}

/* Gives back what was reserved too much. */
static void shrink(struct idx_entry *entry)
{
    char *text = realloc(entry->text, entry->text_len + 1);
    if (text) entry->text = text;
    struct idx_symbol *symbols =
        realloc(entry->symbols, (entry->count + 1) * sizeof *entry->symbols);
    if (symbols) entry->symbols = symbols;
}

enum idx_status idx_extract_document(const struct syn_document *doc, struct idx_entry *out)
{
    *out = (struct idx_entry){.lang = syn_document_language(doc)};
    struct syn_symbol *all = malloc(IDX_MAX_SYMBOLS * sizeof *all);
    size_t count = 0, len;
    struct builder b = {.doc = doc, .text = syn_document_text(doc, &len), .out = out};
    bool ok = all && syn_symbols(doc, all, IDX_MAX_SYMBOLS, &count, NULL) == SYN_OK;
    if (ok) {
        out->text = malloc(IDX_MAX_ENTRY_BYTES);
        out->symbols = malloc((count + 1) * sizeof *out->symbols);
        b.place = malloc((count + 1) * sizeof *b.place);
        ok = out->text && out->symbols && b.place;
    }
    for (size_t i = 0; ok && i < count; i++)
        take(&b, all, i);
    free(b.place);
    free(all);
    if (ok)
        shrink(out);
    else
        idx_entry_free(out);
    return ok ? IDX_OK : IDX_NO_MEMORY;
}

enum idx_status idx_extract(const struct gram_language *lang, const char *text, size_t len,
                            struct idx_entry *out)
{
    *out = (struct idx_entry){.lang = lang};
    enum idx_status status = idx_check_text(text, len);
    if (status != IDX_OK) return status;
    struct syn_document *doc = NULL;
    enum syn_status syn = syn_document_new(lang, text, len, &doc, NULL);
    if (syn == SYN_OK) syn = syn_document_parse(doc, IDX_PARSE_US, NULL);
    if (syn == SYN_OK)
        status = idx_extract_document(doc, out);
    else
        status = syn == SYN_TIMEOUT     ? IDX_TOO_SLOW
                 : syn == SYN_TOO_LARGE ? IDX_TOO_LARGE
                 : syn == SYN_BAD_TEXT  ? IDX_BINARY
                                        : IDX_NO_MEMORY;
    syn_document_free(doc);
    return status;
}

void idx_entry_free(struct idx_entry *entry)
{
    free(entry->text);
    free(entry->symbols);
    entry->text = NULL;
    entry->symbols = NULL;
    entry->text_len = entry->count = 0;
}

size_t idx_entry_bytes(const struct idx_entry *entry)
{
    return entry->text_len + (size_t)entry->count * sizeof *entry->symbols;
}
