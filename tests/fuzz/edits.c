/* Documents under arbitrary edits: text, line index, positions, incremental parsing.
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
    require(syn_document_parse(doc, 0, NULL) == SYN_OK);
    syn_document_free(doc);
    return 0;
}
