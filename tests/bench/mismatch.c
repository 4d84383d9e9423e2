/* mismatch: how far the features of a repaired hole are from those of the complete text.
 *
 * For each file given, takes single-line holes (half of them to the end of the line, half
 * within it), computes the features of the tokens before the hole from the repaired hole,
 * and compares them with the features of the same tokens in the complete text. Prints one
 * row per language: the share of prefix tokens whose chain of start tokens differs, the
 * share whose innermost start token differs, how often the features depended on the bytes
 * in the hole (must be 0), how often a middle token's innermost start token and chain are
 * the tree's, and CPU times: to open a hole at a plain cursor in a parsed document, how many
 * of those took under a millisecond, and to open one that holds text to be predicted.
 *
 *   mismatch [--holes N] [--piece N] [--window N] [--show N] FILE...
 */
#include "grammars/grammars.h"
#include "tests/syntax/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

int main(int argc, char **argv)
{
    struct measure_options o = {.holes = 40, .piece = 6, .window = 256};
    int i = 1;
    for (; i + 1 < argc && !strncmp(argv[i], "--", 2); i += 2) {
        unsigned value = (unsigned)strtoul(argv[i + 1], NULL, 10);
        if (!strcmp(argv[i], "--holes")) o.holes = value;
        if (!strcmp(argv[i], "--piece")) o.piece = value;
        if (!strcmp(argv[i], "--window")) o.window = value;
        if (!strcmp(argv[i], "--show")) o.show = value;
    }
    struct measure_totals *totals = calloc(gram_count(), sizeof *totals);
    if (!totals) return 2;
    unsigned show = o.show;
    for (; i < argc; i++)
        measure_file(argv[i], &o, totals, &show);

    printf("| language | files | mean KB | holes | chain %% | innermost %% | not clean %% | "
           "leaks %% | middle innermost %% | middle chain %% | cursor us | under 1 ms %% | "
           "open us | worst us | features us |\n");
    for (int column = 0; column < 15; column++)
        printf("|---");
    printf("|\n");
    for (size_t row = 0; row < gram_count(); row++) {
        const struct measure_totals *t = &totals[row];
        if (!t->holes) continue;
        double holes = (double)t->holes;
        printf("| %s | %d | %.1f | %d ", gram_at(row)->id, (int)t->files,
               t->bytes / 1e3 / (double)t->files, (int)t->holes);
        printf("| %.2f | %.3f | %.1f | %.2f | %.1f | %.1f ", percent(t->chain, t->tokens),
               percent(t->inner, t->tokens), percent(t->unrepaired, t->holes),
               percent(t->leaks, t->holes), percent(t->middle_inner, t->middle),
               percent(t->middle_chain, t->middle));
        printf("| %.0f | %.0f | %.0f | %.0f | %.0f |\n", t->cursor_us / holes,
               percent(t->quick, t->holes), t->open_us / holes, t->worst_us, t->feature_us / holes);
    }
    free(totals);
    return 0;
}
