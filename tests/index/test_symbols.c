/* What the index keeps of small files of each language: tests/index/symbols/NAME.case:
 *
 *   path: NAME    says the language
 *   text:
 *   the file
 *   expect:
 *   LINE-LINE KIND NAME [of OWNER]      one a symbol, in order; an import has no name
 *
 * With a case as argument: prints what comes out. */
#include "grammars/grammars.h"
#include "lsp/index/extract.h"
#include "tests/syntax/case_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_FILE 65536

/* The lines that a header has. */
static unsigned lines_of(const struct idx_entry *entry, const struct idx_symbol *s)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < s->header_len; i++)
        n += entry->text[s->header + i] == '\n';
    return n;
}

static void describe(const struct idx_entry *entry, char *out, size_t max)
{
    size_t used = 0;
    out[0] = 0;
    for (uint32_t i = 0; i < entry->count; i++) {
        const struct idx_symbol *s = &entry->symbols[i], *owner = NULL;
        if (s->owner >= 0) owner = &entry->symbols[s->owner];
        assert_true(s->name + s->name_len <= entry->text_len);
        assert_true(s->header + s->header_len <= entry->text_len);
        assert_true(s->header_len > 0 && lines_of(entry, s) > 0);
        assert_true(s->owner < (int32_t)i);
        used += (size_t)snprintf(out + used, max - used, "%u-%u %s%s%.*s", s->line + 1,
                                 s->line + lines_of(entry, s), gram_kind_name(s->kind),
                                 s->name_len ? " " : "", (int)s->name_len, entry->text + s->name);
        assert_true(used < max);
        if (owner)
            used += (size_t)snprintf(out + used, max - used, " of %.*s", (int)owner->name_len,
                                     entry->text + owner->name);
        assert_true(used + 1 < max);
        out[used++] = '\n';
        out[used] = 0;
    }
}

static void check_case(const char *path, bool print)
{
    static char file[MAX_FILE], got[MAX_FILE];
    char name[128];
    case_read(path, file, sizeof file);
    char *text = strstr(file, "text:\n"), *expect = strstr(file, "\nexpect:\n");
    if (sscanf(file, "path: %127s", name) != 1 || !text || !expect)
        fail_msg("%s: not understood", path);
    text += strlen("text:\n");
    expect += 1;
    size_t len = (size_t)(expect - text);
    const struct gram_language *lang = gram_by_path(name, text, len);
    assert_non_null(lang);
    struct idx_entry entry;
    assert_int_equal(idx_extract(lang, text, len, &entry), IDX_OK);
    describe(&entry, got, sizeof got);
    expect += strlen("expect:\n");
    if (print)
        printf("%.*s%s", (int)(expect - file), file, got);
    else if (strcmp(got, expect) != 0)
        fail_msg("%s: got\n%sexpected\n%s", path, got, expect);
    idx_entry_free(&entry);
}

static void holds(const char *path, void *user)
{
    (void)user;
    check_case(path, false);
}

static void all_cases_hold(void **state)
{
    (void)state;
    assert_int_equal(case_each(CASES, holds, NULL), gram_count());
}

static void other_text_is_refused(void **state)
{
    (void)state;
    const struct gram_language *c = gram_by_id("c");
    struct idx_entry entry;
    static char line[20000];
    memset(line, 'x', sizeof line);
    assert_int_equal(idx_extract(c, "int a;\0int b;", 13, &entry), IDX_BINARY);
    assert_int_equal(idx_extract(c, "int a;\xff\n", 8, &entry), IDX_BINARY);
    assert_int_equal(idx_extract(c, line, sizeof line, &entry), IDX_MINIFIED);
    for (size_t i = 500; i < sizeof line; i += 500)
        line[i] = '\n';
    assert_int_equal(idx_extract(c, line, sizeof line, &entry), IDX_MINIFIED);
    assert_int_equal(idx_extract(c, "", 0, &entry), IDX_OK);
    assert_int_equal(entry.count, 0);
    idx_entry_free(&entry);
}

/* However much a file defines. */
static void entries_are_bounded(void **state)
{
    (void)state;
    size_t max = 100000, len = 0;
    char *text = malloc(max);
    assert_non_null(text);
    for (int i = 0; len + 64 < max; i++)
        len += (size_t)sprintf(text + len, "int f%d(int);\n", i);
    struct idx_entry entry;
    assert_int_equal(idx_extract(gram_by_id("c"), text, len, &entry), IDX_OK);
    assert_true(entry.count == IDX_MAX_SYMBOLS);
    assert_true(entry.text_len <= IDX_MAX_ENTRY_BYTES);
    idx_entry_free(&entry);
    free(text);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        check_case(argv[1], true);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_cases_hold),
        cmocka_unit_test(other_text_is_refused),
        cmocka_unit_test(entries_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
