/* The features of repaired holes over the samples of every language, against bounds.
 *
 * The bounds stand a little above what was measured when they were set; a change of
 * fillings, kinds or the repair that makes a language worse shows here. A leak is never
 * allowed: no feature may depend on the bytes in the hole. */
#include "grammars/grammars.h"
#include "tests/syntax/measure.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Percent of prefix tokens whose chain, whose innermost start token differs at most; percent
 * of middle tokens whose innermost start token is the tree's at least. */
static const struct bound {
    const char *id;
    double chain, inner, middle;
} bounds[] = {
    {"c", 1, 0.1, 80},          {"cpp", 1, 0.2, 72},        {"csharp", 2, 0.4, 70},
    {"java", 1, 0.2, 75},       {"kotlin", 4.5, 0.8, 70},   {"scala", 1, 0.2, 72},
    {"javascript", 1, 0.2, 82}, {"typescript", 1, 0.2, 72}, {"tsx", 1, 0.2, 70},
    {"python", 1, 0.2, 78},     {"go", 1, 0.2, 82},         {"rust", 1.5, 0.3, 75},
    {"ruby", 5, 0.7, 65},       {"php", 2, 0.4, 60},        {"bash", 3, 0.6, 55},
    {"lua", 1, 0.2, 75},        {"haskell", 3.5, 0.5, 62},
};

static void mismatch_stays_within_bounds(void **state)
{
    (void)state;
    const struct measure_options options = {.holes = 40, .piece = 6, .window = 256};
    struct measure_totals *totals = calloc(gram_count(), sizeof *totals);
    assert_non_null(totals);
    unsigned show = 0, bad = 0;
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        const struct bound *b = &bounds[i];
        char folder[1024], path[2048];
        snprintf(folder, sizeof folder, "%s/%s", SAMPLES, b->id);
        struct dirent **entries;
        int n = scandir(folder, &entries, NULL, alphasort);
        for (int e = 0; e < n; e++) {
            snprintf(path, sizeof path, "%s/%s", folder, entries[e]->d_name);
            if (entries[e]->d_name[0] != '.') measure_file(path, &options, totals, &show);
            free(entries[e]);
        }
        if (n >= 0) free(entries);
        const struct measure_totals *t = &totals[gram_index(gram_by_id(b->id))];
        assert_true(t->holes > 20);
        double tokens = (double)t->tokens / 100, middle = (double)t->middle / 100;
        double chain = (double)t->chain / tokens, inner = (double)t->inner / tokens;
        double agrees = (double)t->middle_inner / middle;
        bool ok = chain <= b->chain && inner <= b->inner && agrees >= b->middle && !t->leaks;
        print_message("%-10s chain %5.2f (%4.1f)  innermost %6.3f (%4.1f)  middle %5.1f (%3.0f)  "
                      "leaks %d%s\n",
                      b->id, chain, b->chain, inner, b->inner, agrees, b->middle, (int)t->leaks,
                      ok ? "" : "  <-- out of bounds");
        bad += !ok;
    }
    free(totals);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mismatch_stays_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
