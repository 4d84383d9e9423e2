/* extract.h: from a file's bytes to what the index keeps of it.
 *
 * An entry holds what a file defines: names, the lines of their headers, what is a member of
 * what; and the lines on which it imports. Nothing else of the file is kept. Which definitions
 * and headers is syn_symbols' choice, the same for all languages.
 *
 * Pure: bytes in, a value out. An entry belongs to whoever holds it; any thread.
 */
#ifndef ESPALIER_INDEX_EXTRACT_H
#define ESPALIER_INDEX_EXTRACT_H

#include "syntax/syntax.h"

#define IDX_MAX_SYMBOLS     4096 /* of one file */
#define IDX_MAX_HEADER      480  /* bytes of one header's lines; longer ones are cut at a line */
#define IDX_MAX_NAME        200
#define IDX_MAX_ENTRY_BYTES (512u * 1024u) /* names and headers of one file */
#define IDX_PARSE_US        2000000u /* of a clock: the thread has to be free again some time */

enum idx_status {
    IDX_OK = 0,
    IDX_NO_MEMORY,
    IDX_FULL,     /* a limit of the index is reached */
    IDX_BINARY,   /* holds a zero byte, or is not UTF-8 */
    IDX_MINIFIED, /* lines that nobody wrote */
    IDX_TOO_LARGE,
    IDX_TOO_SLOW, /* took longer than IDX_PARSE_US to parse */
    IDX_BAD_FILE, /* cannot be read, or is not what it should be */
};

/* Of a definition, or of an import, whose name is empty. */
struct idx_symbol {
    uint32_t name, name_len;     /* bytes of the entry's text */
    uint32_t header, header_len; /* whole lines, their ends included */
    uint32_t line;               /* of the header in the file, from 0 */
    int32_t owner;               /* an earlier symbol of the entry, -1: none */
    uint8_t kind;                /* enum gram_kind */
};

struct idx_entry {
    const struct gram_language *lang;
    char *text; /* [text_len] */
    struct idx_symbol *symbols;
    uint32_t text_len, count;
};

/* True for text that is worth indexing; else IDX_BINARY or IDX_MINIFIED. */
enum idx_status idx_check_text(const char *text, size_t len);

/* Checks, parses and extracts. On IDX_OK free with idx_entry_free. */
enum idx_status idx_extract(const struct gram_language *lang, const char *text, size_t len,
                            struct idx_entry *out);

/* The same for a parsed document. */
enum idx_status idx_extract_document(const struct syn_document *doc, struct idx_entry *out);

void idx_entry_free(struct idx_entry *entry);

/* Memory that it takes. */
size_t idx_entry_bytes(const struct idx_entry *entry);

/* FNV-1a of 64 bits: of contents, names and caches. */
uint64_t idx_hash(const void *bytes, size_t len);

#endif
