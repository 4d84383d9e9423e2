/* stats.h: the arithmetic of evaluations: a small generator, edit similarity, and
 * bootstrap intervals that resample whole packages (lines of one package resemble each
 * other; taking them for independent would make every interval too narrow). */
#ifndef ESPALIER_CLI_STATS_H
#define ESPALIER_CLI_STATS_H

#include <stddef.h>
#include <stdint.h>

/* The same numbers on every machine (splitmix64). */
uint64_t cli_random(uint64_t *state);
/* Uniform in [0, n), n > 0. */
size_t cli_random_below(uint64_t *state, size_t n);

/* 1 - Levenshtein distance in bytes / length of the longer; 1 for two empty texts. Texts
 * beyond CLI_SIMILARITY_MAX bytes are compared up to there. */
#define CLI_SIMILARITY_MAX 512
double cli_edit_similarity(const char *a, size_t a_len, const char *b, size_t b_len);

struct cli_interval {
    double mean, low, high; /* 95 % */
};

/* Ratio of sums: sum(values) / sum(weights) over clusters. cluster[i] numbers the cluster
 * of observation i; clusters that have neither values nor weights tell nothing and are left
 * out. All zero when n == 0; NaN never. */
struct cli_interval cli_bootstrap(const double *values, const double *weights,
                                  const uint32_t *cluster, size_t n, uint64_t seed);

#endif
