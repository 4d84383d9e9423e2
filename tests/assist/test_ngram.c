/* The n-gram baseline: what it learns, what it forgets, and where it stops. */
#include "lsp/assist/ngram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(struct asst_ngram *model, const char *prefix, const char *suffix,
                  const char *expected)
{
    char out[256];
    size_t len = asst_ngram_complete(model, prefix, strlen(prefix), suffix, strlen(suffix), out,
                                     sizeof out - 1);
    out[len] = 0;
    assert_string_equal(out, expected);
}

static void learns_lines(void **state)
{
    (void)state;
    static const char text[] = "for (size_t i = 0; i < n; i++)\n    total += values[i];\n"
                               "for (size_t i = 0; i < n; i++)\n    sum += values[i];\n";
    struct asst_ngram *model = asst_ngram_new();
    assert_true(asst_ngram_learn(model, text, strlen(text)));
    check(model, "for (size_t", "\n", " i = 0; i < n; i++)");
    check(model, "int k;\nfor (si", "\n", "ze_t i = 0; i < n; i++)"); /* half a word */
    check(model, "    total += ", "\n", "values[i];");                /* a space to heal */
    assert_false(asst_ngram_is_full(model));
    asst_ngram_free(model);
}

static void the_file_outweighs_the_rest(void **state)
{
    (void)state;
    struct asst_ngram *model = asst_ngram_new();
    for (int i = 0; i < 3; i++)
        assert_true(asst_ngram_learn(model, "\nprint(red)\n", 12));
    check(model, "print(", "\n", "red)");
    check(model, "\nprint(blue)\nprint(", "\n", "blue)");
    check(model, "print(", "\nprint(blue)\n", "blue)"); /* the suffix counts as well */
    check(model, "print(", "\n", "red)");               /* and is forgotten */
    asst_ngram_free(model);
}

static void knows_nothing_says_nothing(void **state)
{
    (void)state;
    struct asst_ngram *model = asst_ngram_new();
    check(model, "", "", "");
    check(model, "\xff\xfe", "", "");
    asst_ngram_free(model);
}

static void capacity_is_kept(void **state)
{
    (void)state;
    struct asst_ngram *model = asst_ngram_new();
    char out[4];
    assert_true(asst_ngram_learn(model, "a = bcd(e)\na = bcd(e)\n", 22));
    assert_true(asst_ngram_complete(model, "a", 1, "\n", 1, out, sizeof out) <= sizeof out);
    asst_ngram_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_lines),
        cmocka_unit_test(the_file_outweighs_the_rest),
        cmocka_unit_test(knows_nothing_says_nothing),
        cmocka_unit_test(capacity_is_kept),
    };
    return cmocka_run_group_tests_name("ngram", tests, NULL, NULL);
}
