/* measure.h: how far the features of a repaired hole are from those of the complete text. */
#ifndef ESPALIER_TESTS_MEASURE_H
#define ESPALIER_TESTS_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sums over the holes of one language. chain, inner: prefix tokens that differ; leaks:
 * holes whose features changed when the hole's bytes were taken out of the document;
 * middle_*: middle tokens that agree with the tree. */
struct measure_totals {
    uint64_t files, holes, tokens, chain, inner, suffix_tokens, suffix_chain, leaks;
    uint64_t middle, middle_inner, middle_chain, repaired, unrepaired, quick;
    double open_us, cursor_us, feature_us, worst_us, bytes;
};

struct measure_options {
    unsigned holes, piece, window, show;
};

/* Adds holes of one file to the row of its language in totals[gram_count()]. While *show is
 * not zero, prints a line for a hole that misses, and counts it down. */
void measure_file(const char *path, const struct measure_options *o, struct measure_totals *totals,
                  unsigned *show);

#endif
