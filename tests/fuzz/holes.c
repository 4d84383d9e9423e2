/* Holes in arbitrary text: repair, records of what stands around them and of what is
 * written into them, the verdict on a candidate, and outlines of what is in front of them.
 *
 * Input: one byte chooses the language, two are the hole's start and one its length, each
 * taken modulo what there is; the rest is the text. An even start opens the hole in a
 * document that has not been parsed. Then the hole's text is cut out of the document, and
 * holes are opened there before and after it is parsed again. */
#include "grammars/grammars.h"
#include "syntax/syntax.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SPANS 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) abort();
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
        if (record->chain[l] >= 0) before = record->chain[l];
    }
    require(record->kind < GRAM_KIND_COUNT);
}

static void check_parts(const struct syn_document *doc, const struct syn_outline_part *parts,
                        size_t count, size_t before)
{
    for (size_t i = 0; i < count; i++) {
        require(parts[i].first_line <= parts[i].last_line);
        require(parts[i].last_line < syn_line_count(doc));
        require(syn_line_start(doc, parts[i].last_line) < before);
        require(i == 0 || parts[i].priority >= parts[i - 1].priority);
    }
}

/* Outlines for a window that starts a third of the way up to the hole's line, and records of
 * what such a prompt is made of: the parts' lines, then the window. */
static void check_outline(const struct syn_document *doc, const struct syn_hole *hole, size_t start)
{
    enum { PARTS = 24 };
    struct syn_outline_part parts[PARTS];
    struct syn_span spans[2 * MAX_SPANS];
    struct syn_record records[2 * MAX_SPANS];
    size_t count, len, line, column, n = 0;
    const char *text = syn_document_text(doc, &len);
    syn_position_of(doc, start, SYN_UTF8, &line, &column);
    size_t near_end = syn_line_start(doc, line), before = near_end / 3;
    while (before > 0 && ((uint8_t)text[before] & 0xc0) == 0x80)
        before--;
    require(syn_hole_outline(hole, before, near_end, parts, PARTS, &count, NULL) == SYN_OK);
    check_parts(doc, parts, count, before);
    for (line = 0; line < syn_line_count(doc) && syn_line_start(doc, line) < before; line++) {
        size_t to = syn_line_start(doc, line + 1);
        for (size_t i = 0; i < count; i++)
            if (parts[i].first_line <= line && line <= parts[i].last_line) {
                n += cut_spans(text, syn_line_start(doc, line), to < before ? to : before,
                               spans + n, MAX_SPANS - n);
                break;
            }
    }
    n += cut_spans(text, before, start, spans + n, MAX_SPANS);
    require(syn_hole_features(hole, spans, n, 0, records, NULL) == SYN_OK);
    for (size_t i = 0; i < n; i++)
        check_record(&records[i], (int32_t)i);
    if (!syn_document_is_parsed(doc)) return;
    require(syn_outline(doc, before, near_end, parts, PARTS, &count, NULL) == SYN_OK);
    check_parts(doc, parts, count, before);
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
    check_outline(doc, hole, start);
    syn_hole_free(hole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4 || size > 4096) return 0;
    const struct gram_language *lang = gram_at(data[0] % gram_count());
    size_t place = data[1] | (size_t)data[2] << 8, length = data[3];
    struct syn_document *doc;
    data += 4;
    size -= 4;
    if (syn_document_new(lang, (const char *)data, size, &doc, NULL) != SYN_OK) return 0;
    size_t start = place % (size + 1), end = start + length;
    if (place & 1) require(syn_document_parse(doc, 0, NULL) == SYN_OK);
    if (end > size) end = size;
    check_hole(doc, start, end);
    if (syn_document_edit(doc, start, end, NULL, 0, NULL) == SYN_OK) {
        check_hole(doc, start, start);
        require(syn_document_parse(doc, 0, NULL) == SYN_OK);
        check_hole(doc, start / 2, start);
    }
    syn_document_free(doc);
    return 0;
}
