/* Documents, holes and candidates under arbitrary edits.
 *
 * Input: one byte chooses the language, one the length of the first text (in units of 16
 * bytes); what follows is that text and then edits: two bytes of place, one of how much
 * goes, one of how much comes, and the bytes that come. Bytes that are not UTF-8 must be
 * refused and change nothing. */
#include "grammars/grammars.h"
#include "syntax/syntax.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_EDITS 12
#define MAX_SPANS 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) abort();
}

static void check_lines(const struct syn_document *doc)
{
    size_t len;
    const char *text = syn_document_text(doc, &len);
    struct syn_document *fresh;
    require(text[len] == 0);
    require(syn_document_new(NULL, text, len, &fresh, NULL) == SYN_OK);
    require(syn_line_count(doc) == syn_line_count(fresh));
    for (size_t i = 0; i <= syn_line_count(fresh); i++)
        require(syn_line_start(doc, i) == syn_line_start(fresh, i));
    syn_document_free(fresh);
}

static void check_position(const struct syn_document *doc, size_t at)
{
    size_t len, line, column;
    syn_document_text(doc, &len);
    for (int enc = SYN_UTF8; enc <= SYN_UTF32; enc++) {
        syn_position_of(doc, at, (enum syn_encoding)enc, &line, &column);
        require(line < syn_line_count(doc));
        size_t back = syn_offset_of(doc, line, column, (enum syn_encoding)enc);
        require(back <= at && back <= len);
    }
}

/* Cuts [from, to) into short spans that split no character. */
static size_t cut_spans(const char *text, size_t from, size_t to, struct syn_span *out, size_t max)
{
    size_t n = 0;
    while (from < to && n < max) {
        size_t end = from + 1 + from % 5;
        if (end > to) end = to;
        while (end < to && ((uint8_t)text[end] & 0xc0) == 0x80)
            end++;
        out[n++] = (struct syn_span){(uint32_t)from, (uint32_t)end};
        from = end;
    }
    return n;
}

static void check_record(const struct syn_record *record, int32_t index)
{
    int32_t before = index;
    for (unsigned l = 0; l < SYN_LEVELS; l++) {
        require(record->chain[l] >= -1 && record->chain[l] < before);
        before = record->chain[l] < 0 ? 0 : record->chain[l];
    }
    require(record->kind < GRAM_KIND_COUNT);
}

static void check_hole(const struct syn_document *doc, size_t start, size_t end)
{
    static const char candidate[] = "f(a, \"b\") {\n  c[1] = d;\n}\n";
    size_t len;
    const char *text = syn_document_text(doc, &len);
    struct syn_hole *hole;
    if (syn_hole_open(doc, start, end, &hole, NULL) != SYN_OK) return;
    struct syn_span spans[2 * MAX_SPANS];
    struct syn_record records[2 * MAX_SPANS], record;
    size_t from = start > 400 ? start - 400 : 0;
    while (from < start && ((uint8_t)text[from] & 0xc0) == 0x80)
        from++;
    size_t n_prefix = cut_spans(text, from, start, spans, MAX_SPANS);
    size_t n_suffix = cut_spans(text, end, len, spans + n_prefix, MAX_SPANS);
    require(syn_hole_features(hole, spans, n_prefix, n_suffix, records, NULL) == SYN_OK);
    for (size_t i = 0; i < n_prefix + n_suffix; i++)
        check_record(&records[i], (int32_t)i);
    struct syn_middle m;
    syn_middle_begin(&m, hole, spans, n_prefix);
    int32_t index = (int32_t)n_prefix;
    for (size_t at = 0; at < sizeof candidate - 1; at += 2) {
        syn_middle_next(&m, index, candidate + at, at + 2 < sizeof candidate ? 2 : 1, &record);
        check_record(&record, index++);
    }
    struct syn_verdict verdict;
    require(syn_candidate_judge(hole, candidate, sizeof candidate - 1, &verdict, NULL) == SYN_OK);
    require(verdict.keep < sizeof candidate);
    syn_hole_free(hole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 4096) return 0;
    const struct gram_language *lang = gram_at(data[0] % gram_count());
    size_t first = data[1] * 16u < size - 2 ? data[1] * 16u : size - 2;
    struct syn_document *doc;
    struct syn_error err;
    if (syn_document_new(lang, (const char *)data + 2, first, &doc, &err) != SYN_OK) return 0;
    data += 2 + first;
    size -= 2 + first;
    require(syn_document_parse(doc, 0, NULL) == SYN_OK);
    for (int i = 0; i < MAX_EDITS && size >= 4; i++) {
        size_t len, now;
        syn_document_text(doc, &len);
        size_t start = (data[0] | (size_t)data[1] << 8) % (len + 1), end = start + data[2];
        size_t insert = data[3] < size - 4 ? data[3] : size - 4;
        if (end > len) end = len;
        bool done =
            syn_document_edit(doc, start, end, (const char *)data + 4, insert, &err) == SYN_OK;
        syn_document_text(doc, &now);
        require(now == (done ? len - (end - start) + insert : len));
        check_lines(doc);
        check_position(doc, start < now ? start : now);
        if (data[0] & 1) require(syn_document_parse(doc, 0, NULL) == SYN_OK);
        data += 4 + insert;
        size -= 4 + insert;
    }
    size_t len;
    syn_document_text(doc, &len);
    check_hole(doc, len / 2, len / 2 + (len - len / 2) / 4);
    require(syn_document_parse(doc, 0, NULL) == SYN_OK);
    check_hole(doc, len / 3, len / 3);
    syn_document_free(doc);
    return 0;
}
