/* Slips, case by case: tests/syntax/slips/LANGUAGE.case holds a text, a line of four dashes, and
 * the slips of the text:
 *
 *   CLASS LINE:COLUMN old => new
 *
 * Each slip is made as well: it has to parse as well as the text did, and to be undone by a slip at
 * the same place of the text that it makes. With a case as argument: prints what comes out. */
#include "grammars/grammars.h"
#include "syntax/slip.h"
#include "tests/syntax/case_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_FILE 65536

static const struct gram_language *language_of(const char *path)
{
    char id[32];
    const char *name = strrchr(path, '/') + 1;
    snprintf(id, sizeof id, "%.*s", (int)strcspn(name, "."), name);
    const struct gram_language *lang = gram_by_id(id);
    if (!lang) fail_msg("%s: no language of this name", path);
    return lang;
}

static void slips_text(const struct syn_document *doc, const struct syn_slips *slips, char *out,
                       size_t max)
{
    size_t len, used = 0, line, column;
    const char *text = syn_document_text(doc, &len);
    out[0] = 0;
    for (size_t i = 0; i < slips->count; i++) {
        const struct syn_slip *s = &slips->list[i];
        assert_true(i == 0 || slips->list[i - 1].place.start <= s->place.start);
        syn_position_of(doc, s->place.start, SYN_UTF8, &line, &column);
        used += (size_t)snprintf(out + used, max - used, "%s %zu:%zu %.*s => %.*s\n",
                                 syn_slip_class_name(s->class), line + 1, column + 1,
                                 (int)(s->place.end - s->place.start), text + s->place.start,
                                 (int)s->len, slips->texts + s->text);
        assert_true(used < max);
    }
}

/* Does a slip of the changed document give the text back? */
static bool is_undone(const struct syn_document *changed, const char *text, size_t len)
{
    struct syn_slips slips;
    size_t have;
    const char *now = syn_document_text(changed, &have);
    bool undone = false;
    assert_int_equal(syn_slips_find(changed, 0, have, &slips, NULL), SYN_OK);
    for (size_t i = 0; i < slips.count && !undone; i++) {
        const struct syn_slip *s = &slips.list[i];
        size_t tail = have - s->place.end;
        undone = s->place.start + s->len + tail == len && memcmp(text, now, s->place.start) == 0 &&
                 memcmp(text + s->place.start, slips.texts + s->text, s->len) == 0 &&
                 memcmp(text + s->place.start + s->len, now + s->place.end, tail) == 0;
    }
    syn_slips_free(&slips);
    return undone;
}

static void make_and_undo(const char *path, const struct gram_language *lang,
                          const struct syn_document *doc, const struct syn_slip *s,
                          const struct syn_slips *slips)
{
    size_t len;
    const char *text = syn_document_text(doc, &len);
    struct syn_document *changed = case_document(lang, text, len);
    assert_int_equal(syn_document_edit(changed, s->place.start, s->place.end,
                                       slips->texts + s->text, s->len, NULL),
                     SYN_OK);
    assert_int_equal(syn_document_parse(changed, 0, NULL), SYN_OK);
    if (syn_document_cost(changed) > syn_document_cost(doc) || !is_undone(changed, text, len))
        fail_msg("%s: \"%.*s\" at byte %u cannot be made and undone", path, (int)s->len,
                 slips->texts + s->text, s->place.start);
    syn_document_free(changed);
}

static void check_case(const char *path, bool print)
{
    static char file[MAX_FILE], got[MAX_FILE];
    size_t size = case_read(path, file, sizeof file);
    const struct gram_language *lang = language_of(path);
    char *expect = strstr(file, "\n----\n");
    if (!expect) fail_msg("%s: no line of four dashes in %zu bytes", path, size);
    size_t len = (size_t)(expect + 1 - file);
    expect += strlen("\n----\n");
    struct syn_document *doc = case_document(lang, file, len);
    struct syn_slips slips;
    assert_int_equal(syn_slips_find(doc, 0, len, &slips, NULL), SYN_OK);
    slips_text(doc, &slips, got, sizeof got);
    if (print)
        printf("%.*s%s", (int)(expect - file), file, got);
    else if (strcmp(got, expect) != 0)
        fail_msg("%s: the slips are\n%sexpected\n%s", path, got, expect);
    for (size_t i = 0; i < slips.count && !print; i++)
        if (slips.list[i].class != SYN_SLIP_COPY) /* some are undone by the name class */
            make_and_undo(path, lang, doc, &slips.list[i], &slips);
    syn_slips_free(&slips);
    syn_document_free(doc);
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

/* A part of a text has the slips of that part. */
static void parts_have_their_own(void **state)
{
    static const char text[] = "int f(int a, int b)\n{\n    return a < b;\n}\n"
                               "int g(int c, int d)\n{\n    return c + d;\n}\n";
    (void)state;
    struct syn_document *doc = case_document(gram_by_id("c"), text, strlen(text));
    struct syn_slips all, first;
    assert_int_equal(syn_slips_find(doc, 0, strlen(text), &all, NULL), SYN_OK);
    assert_int_equal(syn_slips_find(doc, 0, 40, &first, NULL), SYN_OK);
    assert_int_equal(all.n_functions, 2);
    assert_true(first.count > 0 && first.count < all.count);
    for (size_t i = 0; i < first.count; i++)
        assert_int_equal(first.list[i].place.start, all.list[i].place.start);
    syn_slips_free(&first);
    syn_slips_free(&all);
    syn_document_free(doc);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_cases_hold),
                                       cmocka_unit_test(parts_have_their_own)};
    if (argc > 1) {
        check_case(argv[1], true);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
