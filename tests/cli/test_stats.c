/* The arithmetic of evaluations, against numbers worked out by hand. */
#include "lsp/cli/eval/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static double similarity(const char *a, const char *b)
{
    return cli_edit_similarity(a, strlen(a), b, strlen(b));
}

static void edit_similarity(void **state)
{
    (void)state;
    assert_float_equal(similarity("", ""), 1, 0);
    assert_float_equal(similarity("abc", "abc"), 1, 0);
    assert_float_equal(similarity("abc", ""), 0, 0);
    assert_float_equal(similarity("kitten", "sitting"), 1 - 3.0 / 7, 1e-12);
    assert_float_equal(similarity("flaw", "lawn"), 0.5, 1e-12);
    char a[2000], b[2000];
    memset(a, 'a', sizeof a);
    memset(b, 'b', sizeof b);
    assert_float_equal(cli_edit_similarity(a, sizeof a, b, sizeof b), 0, 0);
}

static void intervals(void **state)
{
    (void)state;
    double values[400], ones[400];
    uint32_t each[400], halves[400];
    for (int i = 0; i < 400; i++) {
        values[i] = i % 2;
        ones[i] = 1;
        each[i] = (uint32_t)i;
        halves[i] = (uint32_t)(i % 2);
    }
    struct cli_interval narrow = cli_bootstrap(values, ones, each, 400, 1);
    assert_float_equal(narrow.mean, 0.5, 1e-12);
    /* Normal approximation: 0.5 +- 1.96 * 0.5 / 20 = 0.451 .. 0.549. */
    assert_float_equal(narrow.low, 0.451, 0.01);
    assert_float_equal(narrow.high, 0.549, 0.01);
    /* Two packages that disagree wholly: nothing is known. */
    struct cli_interval wide = cli_bootstrap(values, ones, halves, 400, 1);
    assert_float_equal(wide.mean, 0.5, 1e-12);
    assert_float_equal(wide.low, 0, 0);
    assert_float_equal(wide.high, 1, 0);
    /* A ratio of sums, not a mean of ratios. */
    double bits[] = {8, 100}, bytes[] = {8, 50};
    uint32_t two[] = {0, 1};
    assert_float_equal(cli_bootstrap(bits, bytes, two, 2, 1).mean, 108.0 / 58, 1e-12);
    struct cli_interval none = cli_bootstrap(values, ones, each, 0, 1);
    assert_float_equal(none.mean, 0, 0);
}

static void random_numbers_are_the_same_everywhere(void **state)
{
    (void)state;
    uint64_t seed = 0; /* splitmix64's published first outputs */
    assert_true(cli_random(&seed) == UINT64_C(0xE220A8397B1DCDAF));
    assert_true(cli_random(&seed) == UINT64_C(0x6E789E6AA1B965F4));
    for (int i = 0; i < 1000; i++)
        assert_true(cli_random_below(&seed, 7) < 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edit_similarity),
        cmocka_unit_test(intervals),
        cmocka_unit_test(random_numbers_are_the_same_everywhere),
    };
    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
