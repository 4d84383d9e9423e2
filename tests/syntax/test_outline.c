/* Outlines of the sample files, case by case: tests/syntax/outlines/NAME.case:
 *
 *   sample: LANGUAGE/FILE of tests/samples
 *   window: LINE    the text shown in full starts here
 *   near: LINE      names are read from the lines before this one
 *   hole: LINE      what stands on this line behind its indentation is the hole
 *   expect:
 *   PRIORITY FIRST-LAST: the first line's text
 *
 * What comes out must not depend on how much of the hole's line has been typed, nor on what
 * the document holds in the hole. With a case as argument: prints what comes out. */
#include "grammars/grammars.h"
#include "syntax/syntax.h"
#include "tests/syntax/case_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_FILE 65536

struct outline_case {
    const char *path;
    char sample[128];
    unsigned window, near, hole; /* lines from 1 */
    char *expect;
    char text[MAX_FILE];
    size_t len;
    size_t before, near_end, start, end; /* bytes */
    const struct gram_language *lang;
};

static void read_case(struct outline_case *c, const char *path, char *file)
{
    c->path = path;
    case_read(path, file, MAX_FILE);
    if (sscanf(file, "sample: %127s window: %u near: %u hole: %u", c->sample, &c->window, &c->near,
               &c->hole) != 4)
        fail_msg("%s: not understood", path);
    char *expect = strstr(file, "expect:\n"), sample[1024];
    assert_non_null(expect);
    c->expect = expect + strlen("expect:\n");
    snprintf(sample, sizeof sample, "%s/%s", SAMPLES, c->sample);
    c->len = case_read(sample, c->text, sizeof c->text);
    c->lang = gram_by_path(sample, c->text, c->len);
    assert_non_null(c->lang);
    struct syn_document *doc = case_document(c->lang, c->text, c->len);
    assert_true(c->window <= c->near && c->near <= c->hole && c->hole <= syn_line_count(doc));
    c->before = syn_line_start(doc, c->window - 1);
    c->near_end = syn_line_start(doc, c->near - 1);
    c->start = syn_line_start(doc, c->hole - 1);
    c->end = syn_line_end(doc, c->hole - 1);
    while (c->start < c->end && (c->text[c->start] == ' ' || c->text[c->start] == '\t'))
        c->start++;
    syn_document_free(doc);
}

/* The outline for a hole in a text, one part a line. */
static void outline_text(const struct outline_case *c, const struct syn_document *doc, size_t start,
                         size_t end, char *out, size_t max)
{
    static const char *const names[] = {"?", "enclosing", "used", "sibling"};
    struct syn_outline_part parts[SYN_OUTLINE_MAX];
    size_t count, used = 0, len;
    struct syn_hole *hole;
    const char *text = syn_document_text(doc, &len);
    assert_int_equal(syn_hole_open(doc, start, end, &hole, NULL), SYN_OK);
    assert_int_equal(
        syn_hole_outline(hole, c->before, c->near_end, parts, SYN_OUTLINE_MAX, &count, NULL),
        SYN_OK);
    out[0] = 0;
    for (size_t i = 0; i < count; i++) {
        assert_true(parts[i].first_line <= parts[i].last_line);
        assert_true(syn_line_start(doc, parts[i].last_line) < c->before);
        assert_true(i == 0 || parts[i].priority >= parts[i - 1].priority);
        size_t from = syn_line_start(doc, parts[i].first_line);
        size_t to = syn_line_end(doc, parts[i].first_line);
        used += (size_t)snprintf(out + used, max - used, "%s %u-%u: %.*s\n",
                                 names[parts[i].priority], parts[i].first_line + 1,
                                 parts[i].last_line + 1, (int)(to - from), text + from);
        assert_true(used < max);
    }
    syn_hole_free(hole);
}

static void expect_outline(const struct outline_case *c, const char *got, const char *when)
{
    if (strcmp(got, c->expect) != 0)
        fail_msg("%s: %s, the outline is\n%sexpected\n%s", c->path, when, got, c->expect);
}

/* The line is typed one character after the other into a document that lacks it; before and
 * after it, the line's indentation is there. */
static void type_line(const struct outline_case *c)
{
    static char text[MAX_FILE], got[MAX_FILE];
    char when[64];
    memcpy(text, c->text, c->start);
    memcpy(text + c->start, c->text + c->end, c->len - c->end);
    struct syn_document *doc = case_document(c->lang, text, c->len - (c->end - c->start));
    for (size_t at = c->start; at < c->end;) {
        size_t n = 1;
        while (((unsigned char)c->text[at + n] & 0xC0) == 0x80)
            n++;
        assert_int_equal(syn_document_edit(doc, at, at, c->text + at, n, NULL), SYN_OK);
        assert_int_equal(syn_document_parse(doc, 0, NULL), SYN_OK);
        at += n;
        outline_text(c, doc, at, at, got, sizeof got);
        snprintf(when, sizeof when, "%zu bytes typed", at - c->start);
        expect_outline(c, got, when);
    }
    syn_document_free(doc);
}

static void check_case(const char *path, bool print)
{
    static char file[MAX_FILE], got[MAX_FILE];
    struct outline_case *c = calloc(1, sizeof *c);
    assert_non_null(c);
    read_case(c, path, file);
    struct syn_document *doc = case_document(c->lang, c->text, c->len);
    outline_text(c, doc, c->start, c->end, got, sizeof got);
    if (print) {
        printf("%.*s%s", (int)(c->expect - file), file, got);
    } else {
        expect_outline(c, got, "with the line in the document");
        type_line(c);
    }
    syn_document_free(doc);
    free(c);
}

static void holds(const char *path, void *user)
{
    (void)user;
    check_case(path, false);
}

static void all_cases_hold(void **state)
{
    (void)state;
    assert_true(case_each(CASES, holds, NULL) >= 17);
}

static void places_are_checked(void **state)
{
    (void)state;
    const char *text = "int f(void)\n{\n    return 1;\n}\n";
    struct syn_document *doc;
    struct syn_hole *hole;
    struct syn_outline_part part;
    struct syn_error err = {""};
    size_t count = 7;
    assert_int_equal(syn_document_new(gram_by_id("c"), text, strlen(text), &doc, NULL), SYN_OK);
    assert_int_equal(syn_document_parse(doc, 0, NULL), SYN_OK);
    assert_int_equal(syn_hole_open(doc, 20, 20, &hole, NULL), SYN_OK);
    assert_int_equal(syn_hole_outline(hole, 14, 18, &part, 1, &count, &err), SYN_BAD_RANGE);
    assert_int_equal(count, 0);
    assert_string_equal(err.text, "outline of what is before byte 14, near text up to 18: "
                                  "expected places in order, up to 14");
    assert_int_equal(syn_outline(doc, 9, 8, &part, 1, &count, NULL), SYN_BAD_RANGE);
    assert_int_equal(syn_hole_outline(hole, 14, 14, &part, 1, &count, NULL), SYN_OK);
    assert_int_equal(count, 1);
    assert_int_equal(part.first_line, 0);
    assert_int_equal(part.last_line, 1);
    syn_hole_free(hole);
    syn_document_free(doc);
    assert_int_equal(syn_document_new(NULL, text, strlen(text), &doc, NULL), SYN_OK);
    assert_int_equal(syn_outline(doc, 14, 20, &part, 1, &count, NULL), SYN_OK);
    assert_int_equal(count, 0);
    syn_document_free(doc);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        check_case(argv[1], true);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_cases_hold),
        cmocka_unit_test(places_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
