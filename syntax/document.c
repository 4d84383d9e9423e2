/* Documents: one buffer's text, its lines and its tree.
 *
 * Owns the bytes (contiguous: the parser, the tokenizer and the queries all want to read
 * them in place, and at the sizes people edit, moving the tail of a buffer on a keystroke
 * costs less than walking a rope on every read), the line index, and the tree-sitter tree.
 * The three change together in syn_document_edit, or not at all.
 *
 * An edit does not parse. It tells the tree what moved; syn_document_parse then brings the
 * tree up to date within a time budget, and a parse that ran out of time goes on where it
 * stopped unless an edit came in between. Text that is not UTF-8 never gets in.
 */
#include "syntax/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum syn_status syn_fail(struct syn_error *err, enum syn_status status, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return status;
}

/* ---- UTF-8 ------------------------------------------------------------------------- */

/* Length of the valid sequence at p, 0 when there is none. */
static size_t sequence_length(const uint8_t *p, size_t left)
{
    if (p[0] < 0x80) return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4) return 0;
    size_t n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (n > left) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if (p[0] == 0xe0 && p[1] < 0xa0) return 0; /* longer than needed */
    if (p[0] == 0xed && p[1] > 0x9f) return 0; /* surrogates */
    if (p[0] == 0xf0 && p[1] < 0x90) return 0;
    if (p[0] == 0xf4 && p[1] > 0x8f) return 0; /* past U+10FFFF */
    return n;
}

enum syn_status syn_check_text(const char *text, size_t len, struct syn_error *err)
{
    const uint8_t *bytes = (const uint8_t *)text;
    for (size_t i = 0; i < len;) {
        uint64_t ascii;
        if (len - i >= sizeof ascii) {
            memcpy(&ascii, bytes + i, sizeof ascii);
            if (!(ascii & 0x8080808080808080u)) {
                i += sizeof ascii;
                continue;
            }
        }
        size_t n = sequence_length(bytes + i, len - i);
        if (n == 0)
            return syn_fail(err, SYN_BAD_TEXT, "byte 0x%02x at offset %zu: expected UTF-8",
                            bytes[i], i);
        i += n;
    }
    return SYN_OK;
}

static bool inside_character(const struct syn_document *doc, size_t offset)
{
    return offset < doc->length && ((uint8_t)doc->text[offset] & 0xc0) == 0x80;
}

/* ---- Life -------------------------------------------------------------------------- */

TSParser *syn_document_parser(struct syn_document *doc, struct syn_error *err)
{
    if (doc->parser) return doc->parser;
    doc->parser = ts_parser_new();
    if (!doc->parser) {
        syn_fail(err, SYN_NO_MEMORY, "out of memory for a parser");
    } else if (!ts_parser_set_language(doc->parser, doc->tables->grammar)) {
        syn_fail(err, SYN_BAD_GRAMMAR, "grammar of %s has ABI %u: expected %d to %d", doc->lang->id,
                 ts_language_abi_version(doc->tables->grammar),
                 TREE_SITTER_MIN_COMPATIBLE_LANGUAGE_VERSION, TREE_SITTER_LANGUAGE_VERSION);
        ts_parser_delete(doc->parser);
        doc->parser = NULL;
    }
    return doc->parser;
}

enum syn_status syn_document_new(const struct gram_language *lang, const char *text, size_t len,
                                 struct syn_document **out, struct syn_error *err)
{
    *out = NULL;
    if (!text) text = "";
    if (len > SYN_MAX_BYTES)
        return syn_fail(err, SYN_TOO_LARGE, "text of %zu bytes: expected at most %u", len,
                        SYN_MAX_BYTES);
    enum syn_status status = syn_check_text(text, len, err);
    if (status != SYN_OK) return status;

    struct syn_document *doc = calloc(1, sizeof *doc);
    if (!doc) return syn_fail(err, SYN_NO_MEMORY, "out of memory");
    doc->lang = lang;
    doc->text = malloc(len + 1);
    doc->tables = lang ? syn_tables_new(lang) : NULL;
    if (!doc->text || (lang && !doc->tables) || !syn_lines_build(&doc->lines, text, len)) {
        syn_document_free(doc);
        return syn_fail(err, SYN_NO_MEMORY, "out of memory for a text of %zu bytes", len);
    }
    memcpy(doc->text, text, len);
    doc->text[len] = 0;
    doc->length = len;
    doc->capacity = len + 1;
    *out = doc;
    return SYN_OK;
}

enum syn_status syn_document_copy(const struct syn_document *doc, struct syn_document **out,
                                  struct syn_error *err)
{
    *out = NULL;
    struct syn_document *copy = calloc(1, sizeof *copy);
    if (!copy) return syn_fail(err, SYN_NO_MEMORY, "out of memory");
    copy->lang = doc->lang;
    copy->tables = syn_tables_hold(doc->tables);
    copy->text = malloc(doc->length + 1);
    /* The tree's nodes are shared, counted by references that change atomically. */
    copy->tree = doc->tree ? ts_tree_copy(doc->tree) : NULL;
    copy->parsed = doc->parsed;
    copy->stop = doc->stop;
    if (!copy->text || (doc->tree && !copy->tree) || !syn_lines_copy(&copy->lines, &doc->lines)) {
        syn_document_free(copy);
        return syn_fail(err, SYN_NO_MEMORY, "out of memory for a copy of %zu bytes", doc->length);
    }
    memcpy(copy->text, doc->text, doc->length + 1);
    copy->length = doc->length;
    copy->capacity = doc->length + 1;
    *out = copy;
    return SYN_OK;
}

void syn_document_free(struct syn_document *doc)
{
    if (!doc) return;
    if (doc->tree) ts_tree_delete(doc->tree);
    if (doc->parser) ts_parser_delete(doc->parser);
    syn_tables_release(doc->tables);
    syn_lines_free(&doc->lines);
    free(doc->text);
    free(doc);
}

void syn_document_set_stop(struct syn_document *doc, const _Atomic int *stop)
{
    doc->stop = stop;
}

enum syn_status syn_unless_stopped(const struct syn_document *doc, enum syn_status status,
                                   struct syn_error *err)
{
    return syn_is_stopped(doc->stop) ? syn_fail(err, SYN_CANCELLED, "cancelled") : status;
}

const struct gram_language *syn_document_language(const struct syn_document *doc)
{
    return doc->lang;
}

const char *syn_document_text(const struct syn_document *doc, size_t *len)
{
    if (len) *len = doc->length;
    return doc->text;
}

/* ---- Edits ------------------------------------------------------------------------- */

TSPoint syn_point_at(const struct syn_document *doc, size_t offset)
{
    TSPoint point;
    syn_lines_row(&doc->lines, doc->text, offset, &point.row, &point.column);
    return point;
}

void syn_tree_replace(TSTree *tree, uint32_t start, TSPoint start_point, uint32_t old_end,
                      TSPoint old_point, const char *insert, size_t insert_len)
{
    TSPoint end = start_point;
    for (size_t i = 0; i < insert_len; i++) {
        end.column++;
        if (insert[i] == '\n') end = (TSPoint){end.row + 1, 0};
    }
    TSInputEdit edit = {.start_byte = start,
                        .old_end_byte = old_end,
                        .new_end_byte = start + (uint32_t)insert_len,
                        .start_point = start_point,
                        .old_end_point = old_point,
                        .new_end_point = end};
    ts_tree_edit(tree, &edit);
}

/* Room for len bytes and the zero, growing by halves so that typing is linear. */
static bool reserve_text(struct syn_document *doc, size_t len)
{
    if (len + 1 <= doc->capacity) return true;
    size_t capacity = doc->capacity + doc->capacity / 2;
    if (capacity < len + 1) capacity = len + 1;
    if (capacity > SYN_TEXT_CAPACITY) capacity = SYN_TEXT_CAPACITY;
    char *text = realloc(doc->text, capacity);
    if (!text) return false;
    doc->text = text;
    doc->capacity = capacity;
    return true;
}

enum syn_status syn_document_edit(struct syn_document *doc, size_t start, size_t old_end,
                                  const char *text, size_t len, struct syn_error *err)
{
    if (!text) text = "";
    if (start > old_end || old_end > doc->length)
        return syn_fail(err, SYN_BAD_RANGE, "edit of [%zu, %zu): expected a range in %zu bytes",
                        start, old_end, doc->length);
    if (inside_character(doc, start) || inside_character(doc, old_end))
        return syn_fail(err, SYN_BAD_RANGE,
                        "edit of [%zu, %zu): expected both ends between characters", start,
                        old_end);
    size_t kept = doc->length - (old_end - start);
    if (len > SYN_MAX_BYTES - kept)
        return syn_fail(err, SYN_TOO_LARGE,
                        "edit that makes a text of %zu bytes longer by %zu: expected at most %u",
                        kept, len, SYN_MAX_BYTES);
    enum syn_status status = syn_check_text(text, len, err);
    if (status != SYN_OK) return status;
    if (!reserve_text(doc, kept + len) || !syn_lines_reserve(&doc->lines, text, len))
        return syn_fail(err, SYN_NO_MEMORY, "out of memory for a text of %zu bytes", kept + len);

    TSPoint start_point = syn_point_at(doc, start), old_point = syn_point_at(doc, old_end);
    memmove(doc->text + start + len, doc->text + old_end, doc->length - old_end + 1);
    memcpy(doc->text + start, text, len);
    doc->length = kept + len;
    syn_lines_edit(&doc->lines, doc->text, doc->length, start, old_end, start + len);
    if (doc->tree)
        syn_tree_replace(doc->tree, (uint32_t)start, start_point, (uint32_t)old_end, old_point,
                         text, len);
    if (doc->parser) ts_parser_reset(doc->parser); /* a parse in progress read the old text */
    doc->parsed = false;
    return SYN_OK;
}

/* ---- Parsing ----------------------------------------------------------------------- */

static const char *read_pieces(void *payload, uint32_t offset, TSPoint point, uint32_t *read)
{
    (void)point;
    const struct syn_pieces *pieces = payload;
    size_t at = offset;
    for (size_t i = 0; i < pieces->count; i++) {
        if (at < pieces->length[i]) {
            *read = (uint32_t)(pieces->length[i] - at);
            return pieces->text[i] + at;
        }
        at -= pieces->length[i];
    }
    *read = 0;
    return "";
}

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/* Until when, and for whom. */
struct patience {
    uint64_t deadline; /* 0: none */
    const _Atomic int *stop;
};

/* The parser's progress callback: true stops it. */
static bool is_over(TSParseState *state)
{
    const struct patience *patience = state->payload;
    return syn_is_stopped(patience->stop) ||
           (patience->deadline > 0 && now_us() >= patience->deadline);
}

enum syn_status syn_document_parse(struct syn_document *doc, uint64_t budget_us,
                                   struct syn_error *err)
{
    if (doc->parsed || !doc->lang) return SYN_OK;
    if (!syn_document_parser(doc, err)) return SYN_BAD_GRAMMAR;
    struct syn_pieces pieces = {.text = {doc->text}, .length = {doc->length}, .count = 1};
    TSInput input = {.payload = &pieces, .read = read_pieces, .encoding = TSInputEncodingUTF8};
    struct patience patience = {budget_us ? now_us() + budget_us : 0, doc->stop};
    TSParseOptions options = {.payload = &patience,
                              .progress_callback = budget_us || doc->stop ? is_over : NULL};
    TSTree *tree = ts_parser_parse_with_options(doc->parser, doc->tree, input, options);
    if (!tree && syn_is_stopped(doc->stop)) return syn_unless_stopped(doc, SYN_TIMEOUT, err);
    if (!tree)
        return syn_fail(err, SYN_TIMEOUT, "parsing %zu bytes took longer than %llu us", doc->length,
                        (unsigned long long)budget_us);
    if (doc->tree) ts_tree_delete(doc->tree);
    doc->tree = tree;
    doc->parsed = true;
    return SYN_OK;
}

bool syn_document_is_parsed(const struct syn_document *doc)
{
    return doc->parsed || !doc->lang;
}

TSTree *syn_parse_pieces(TSParser *parser, const TSTree *old, const struct syn_pieces *pieces)
{
    TSInput input = {
        .payload = (void *)pieces, .read = read_pieces, .encoding = TSInputEncodingUTF8};
    struct patience patience = {0, pieces->stop};
    TSParseOptions options = {.payload = &patience,
                              .progress_callback = pieces->stop ? is_over : NULL};
    ts_parser_reset(parser);
    return ts_parser_parse_with_options(parser, old, input, options);
}

/* The parser's progress callback: true stops it. */
static bool met_limit(TSParseState *state)
{
    struct syn_limit *limit = state->payload;
    if (state->current_byte_offset > limit->reached) limit->reached = state->current_byte_offset;
    if (*limit->steps == 0 || syn_is_stopped(limit->stop)) return true;
    --*limit->steps;
    return state->has_error && state->current_byte_offset >= limit->error_from;
}

TSTree *syn_parse_limited(TSParser *parser, const TSTree *old, const struct syn_pieces *pieces,
                          struct syn_limit *limit)
{
    TSInput input = {
        .payload = (void *)pieces, .read = read_pieces, .encoding = TSInputEncodingUTF8};
    TSParseOptions options = {.payload = limit, .progress_callback = met_limit};
    limit->reached = 0;
    limit->stop = pieces->stop;
    ts_parser_reset(parser);
    return ts_parser_parse_with_options(parser, old, input, options);
}
