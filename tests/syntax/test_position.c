/* Positions in three encodings, line ends of three kinds, and clamping. */
#include "syntax/syntax.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "aé€😀b": 1, 2, 3, 4 and 1 bytes; 1, 1, 1, 2 and 1 UTF-16 units. */
#define WIDE                                                                                       \
    "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"                                                        \
    "b"

static const struct {
    const char *text;
    enum syn_encoding enc;
    size_t line, column; /* asked for */
    size_t offset;       /* expected */
    size_t back_line, back_column;
} rows[] = {
    {"", SYN_UTF16, 0, 0, 0, 0, 0},
    {"", SYN_UTF16, 5, 5, 0, 0, 0},
    {"ab\ncd", SYN_UTF16, 1, 1, 4, 1, 1},
    {"ab\ncd", SYN_UTF16, 0, 9, 2, 0, 2},
    {"ab\ncd", SYN_UTF16, 2, 0, 5, 1, 2},
    {"ab\n", SYN_UTF16, 1, 3, 3, 1, 0},
    {"ab\r\ncd", SYN_UTF16, 0, 9, 2, 0, 2},
    {"ab\r\ncd", SYN_UTF16, 1, 0, 4, 1, 0},
    {"ab\rcd", SYN_UTF16, 1, 1, 4, 1, 1},
    {"a\n\r\nb", SYN_UTF16, 2, 0, 4, 2, 0},
    {"a\r\r\nb", SYN_UTF16, 2, 1, 5, 2, 1},
    {WIDE, SYN_UTF8, 0, 6, 6, 0, 6},
    {WIDE, SYN_UTF8, 0, 7, 6, 0, 6}, /* inside a character */
    {WIDE, SYN_UTF16, 0, 3, 6, 0, 3},
    {WIDE, SYN_UTF16, 0, 4, 6, 0, 3}, /* between two surrogates */
    {WIDE, SYN_UTF16, 0, 5, 10, 0, 5},
    {WIDE, SYN_UTF16, 0, 99, 11, 0, 6},
    {WIDE, SYN_UTF32, 0, 3, 6, 0, 3},
    {WIDE, SYN_UTF32, 0, 4, 10, 0, 4},
    {WIDE "\n" WIDE, SYN_UTF16, 1, 5, 22, 1, 5},
};

static void positions_translate(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct syn_document *doc;
        assert_int_equal(syn_document_new(NULL, rows[i].text, strlen(rows[i].text), &doc, NULL),
                         SYN_OK);
        size_t offset = syn_offset_of(doc, rows[i].line, rows[i].column, rows[i].enc);
        size_t line, column;
        syn_position_of(doc, offset, rows[i].enc, &line, &column);
        if (offset != rows[i].offset || line != rows[i].back_line || column != rows[i].back_column)
            fail_msg("row %zu: offset %zu, back at %zu:%zu", i, offset, line, column);
        syn_document_free(doc);
    }
}

static void every_offset_comes_back(void **state)
{
    (void)state;
    static const char text[] = "x\r\n" WIDE "\r\xc3\xa9\n\n" WIDE;
    struct syn_document *doc;
    assert_int_equal(syn_document_new(NULL, text, sizeof text - 1, &doc, NULL), SYN_OK);
    for (size_t at = 0; at < sizeof text; at++) {
        if (((unsigned char)text[at] & 0xc0) == 0x80) continue;
        if (at > 0 && text[at - 1] == '\r' && text[at] == '\n') continue; /* within a line end */
        for (int enc = SYN_UTF8; enc <= SYN_UTF32; enc++) {
            size_t line, column;
            syn_position_of(doc, at, (enum syn_encoding)enc, &line, &column);
            assert_int_equal(syn_offset_of(doc, line, column, (enum syn_encoding)enc), at);
        }
    }
    syn_document_free(doc);
}

static void lines_have_starts_and_ends(void **state)
{
    (void)state;
    struct syn_document *doc;
    assert_int_equal(syn_document_new(NULL, "ab\r\nc\rd\n", 8, &doc, NULL), SYN_OK);
    static const size_t starts[] = {0, 4, 6, 8, 8}, ends[] = {2, 5, 7, 8};
    assert_int_equal(syn_line_count(doc), 4);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(syn_line_start(doc, i), starts[i]);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(syn_line_end(doc, i), ends[i]);
    syn_document_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_translate),
        cmocka_unit_test(every_offset_comes_back),
        cmocka_unit_test(lines_have_starts_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
