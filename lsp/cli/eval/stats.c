/* stats.c: see stats.h. Everything here is a pure function of its arguments. */
#include "lsp/cli/eval/stats.h"

#include <stdlib.h>
#include <string.h>

enum { RESAMPLES = 1000 };

uint64_t cli_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

size_t cli_random_below(uint64_t *state, size_t n)
{
    return (size_t)(cli_random(state) % n); /* n is tiny beside 2^64 */
}

double cli_edit_similarity(const char *a, size_t a_len, const char *b, size_t b_len)
{
    uint16_t row[CLI_SIMILARITY_MAX + 1];
    if (a_len > CLI_SIMILARITY_MAX) a_len = CLI_SIMILARITY_MAX;
    if (b_len > CLI_SIMILARITY_MAX) b_len = CLI_SIMILARITY_MAX;
    size_t longer = a_len > b_len ? a_len : b_len;
    if (longer == 0) return 1;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = (uint16_t)j;
    for (size_t i = 1; i <= a_len; i++) {
        uint16_t diagonal = row[0];
        row[0] = (uint16_t)i;
        for (size_t j = 1; j <= b_len; j++) {
            uint16_t best = (uint16_t)(diagonal + (a[i - 1] != b[j - 1]));
            if (row[j] + 1 < best) best = (uint16_t)(row[j] + 1);
            if (row[j - 1] + 1 < best) best = (uint16_t)(row[j - 1] + 1);
            diagonal = row[j];
            row[j] = best;
        }
    }
    return 1.0 - (double)row[b_len] / (double)longer;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sums of one cluster. */
struct sums {
    double value, weight;
};

/* Sums by cluster, in an array of its own; *n_clusters is its length. */
static struct sums *sum_clusters(const double *values, const double *weights,
                                 const uint32_t *cluster, size_t n, size_t *n_clusters)
{
    uint32_t top = 0;
    for (size_t i = 0; i < n; i++)
        top = cluster[i] > top ? cluster[i] : top;
    struct sums *sums = calloc((size_t)top + 1, sizeof *sums);
    if (!sums) return NULL;
    for (size_t i = 0; i < n; i++) {
        sums[cluster[i]].value += values[i];
        sums[cluster[i]].weight += weights[i];
    }
    size_t used = 0;
    for (size_t i = 0; i <= top; i++)
        if (sums[i].weight > 0 || sums[i].value != 0) sums[used++] = sums[i];
    *n_clusters = used;
    return sums;
}

struct cli_interval cli_bootstrap(const double *values, const double *weights,
                                  const uint32_t *cluster, size_t n, uint64_t seed)
{
    struct cli_interval out = {0, 0, 0};
    size_t n_clusters = 0;
    struct sums *sums = n ? sum_clusters(values, weights, cluster, n, &n_clusters) : NULL;
    double *means = malloc(RESAMPLES * sizeof *means);
    if (sums && means && n_clusters > 0) {
        struct sums all = {0, 0};
        for (size_t i = 0; i < n_clusters; i++) {
            all.value += sums[i].value;
            all.weight += sums[i].weight;
        }
        for (int r = 0; r < RESAMPLES; r++) {
            struct sums drawn = {0, 0};
            for (size_t i = 0; i < n_clusters; i++) {
                const struct sums *s = &sums[cli_random_below(&seed, n_clusters)];
                drawn.value += s->value;
                drawn.weight += s->weight;
            }
            means[r] = drawn.weight > 0 ? drawn.value / drawn.weight : 0;
        }
        qsort(means, RESAMPLES, sizeof *means, by_value);
        out = (struct cli_interval){all.weight > 0 ? all.value / all.weight : 0,
                                    means[RESAMPLES / 40], means[RESAMPLES - 1 - RESAMPLES / 40]};
    }
    free(sums);
    free(means);
    return out;
}
