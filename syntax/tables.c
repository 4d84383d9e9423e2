/* The kind table and the list of fillings of one language.
 *
 * grammars/<id>/kinds names node types; a tree holds symbol numbers. The translation is
 * made once per document, through a hash of the file's lines, so that a node's kind is one
 * array access later. Documents made independently do not share it: that would need a
 * global, and building it costs less than parsing a hundred lines of source.
 */
#include "syntax/tables.h"

#include <stdlib.h>
#include <string.h>

struct row {
    const char *type;
    uint32_t len;
    uint8_t kind;
};

static uint32_t hash(const char *text, size_t len)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)text[i]) * 16777619u;
    return h;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Takes one blank-separated word from [*at, end). */
static size_t take_word(const char **at, const char *end, const char **word)
{
    while (*at < end && is_blank(**at))
        (*at)++;
    *word = *at;
    while (*at < end && !is_blank(**at))
        (*at)++;
    return (size_t)(*at - *word);
}

/* Fills an open-addressed table of mask + 1 rows from the lines of a kinds file. */
static void read_rows(const char *text, struct row *rows, uint32_t mask)
{
    while (*text) {
        const char *end = text + strcspn(text, "\n");
        const char *at = text, *type, *kind;
        size_t type_len = take_word(&at, end, &type);
        size_t kind_len = take_word(&at, end, &kind);
        if (type_len && *type != '#' && kind_len) {
            enum gram_kind k = gram_kind_by_name(kind, kind_len);
            uint32_t slot = hash(type, type_len) & mask;
            while (rows[slot].type)
                slot = (slot + 1) & mask;
            if (k != GRAM_KIND_COUNT)
                rows[slot] = (struct row){type, (uint32_t)type_len, (uint8_t)k};
        }
        text = *end ? end + 1 : end;
    }
}

static uint8_t find_row(const struct row *rows, uint32_t mask, const char *type)
{
    size_t len = strlen(type);
    for (uint32_t slot = hash(type, len) & mask; rows[slot].type; slot = (slot + 1) & mask)
        if (rows[slot].len == len && !memcmp(rows[slot].type, type, len)) return rows[slot].kind;
    return GRAM_KIND_OTHER;
}

static bool build_kinds(struct syn_tables *tables, const char *text)
{
    size_t lines = 1;
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    uint32_t mask = 63;
    while (mask < 2 * lines)
        mask = 2 * mask + 1;
    struct row *rows = calloc((size_t)mask + 1, sizeof *rows);
    tables->symbols = ts_language_symbol_count(tables->grammar);
    tables->kind = calloc(tables->symbols + 1, 1);
    if (!rows || !tables->kind) {
        free(rows);
        return false;
    }
    read_rows(text, rows, mask);
    for (uint32_t s = 0; s < tables->symbols; s++) {
        TSSymbolType type = ts_language_symbol_type(tables->grammar, (TSSymbol)s);
        const char *name = ts_language_symbol_name(tables->grammar, (TSSymbol)s);
        if (name && (type == TSSymbolTypeRegular || type == TSSymbolTypeAnonymous))
            tables->kind[s] = find_row(rows, mask, name);
    }
    free(rows);
    return true;
}

static char escaped(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    default: /* \\ \" \' \# and \ before anything else: that byte */
        return c;
    }
}

/* A line is one filling, with C escapes; '#' starts a comment line, "\#" a filling that
 * starts with '#'. Empty lines are skipped: the empty filling is always tried. */
static bool build_fillings(struct syn_tables *tables, const char *text)
{
    char *out = tables->filling_text = malloc(strlen(text) + 1);
    if (!out) return false;
    while (*text && tables->filling_count < SYN_MAX_FILLINGS) {
        const char *end = text + strcspn(text, "\r\n");
        if (end > text && *text != '#') {
            tables->fillings[tables->filling_count++] = out;
            while (text < end) {
                bool escape = *text == '\\' && text + 1 < end;
                *out++ = escape ? escaped(text[1]) : *text;
                text += escape ? 2 : 1;
            }
            *out++ = 0;
        }
        text = *end ? end + 1 : end;
    }
    return true;
}

struct syn_tables *syn_tables_new(const struct gram_language *lang)
{
    struct syn_tables *tables = calloc(1, sizeof *tables);
    if (!tables) return NULL;
    atomic_init(&tables->holders, 1);
    tables->grammar = (const TSLanguage *)lang->grammar();
    if (build_kinds(tables, lang->kinds ? lang->kinds : "") &&
        build_fillings(tables, lang->fillings ? lang->fillings : ""))
        return tables;
    syn_tables_release(tables);
    return NULL;
}

struct syn_tables *syn_tables_hold(struct syn_tables *tables)
{
    if (tables) atomic_fetch_add_explicit(&tables->holders, 1, memory_order_relaxed);
    return tables;
}

void syn_tables_release(struct syn_tables *tables)
{
    if (!tables || atomic_fetch_sub_explicit(&tables->holders, 1, memory_order_acq_rel) != 1)
        return;
    free(tables->kind);
    free(tables->filling_text);
    free(tables);
}

uint8_t syn_kind_of(const struct syn_tables *tables, TSNode node)
{
    if (ts_node_is_error(node)) return GRAM_KIND_ERROR;
    TSSymbol symbol = ts_node_symbol(node);
    return symbol < tables->symbols ? tables->kind[symbol] : GRAM_KIND_OTHER;
}
