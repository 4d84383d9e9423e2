/* logistic.h: fits 1 / (1 + exp(-w.x)) to targets of 0 to 1, by Newton's method with a small
 * penalty on large weights (of features in units of their deviation; none on the first
 * feature's, which has to be 1 everywhere). Where a feature never varies, its weight is 0.
 *
 * A step of the method is a call, so that targets may change between them, as they do where
 * the logistic is one side of a mixture.
 */
#ifndef ESPALIER_CLI_LOGISTIC_H
#define ESPALIER_CLI_LOGISTIC_H

#include <stdbool.h>
#include <stddef.h>

#define CLI_LOGISTIC_MAX 8 /* features */

struct cli_logistic {
    const float *x; /* [n, features], the caller's */
    size_t n;
    int features;
    double mean[CLI_LOGISTIC_MAX], deviation[CLI_LOGISTIC_MAX]; /* 0: never varies */
    double w[CLI_LOGISTIC_MAX];                                 /* of the scaled features */
};

/* All weights are 0 but the first, which is `constant`. */
void cli_logistic_begin(struct cli_logistic *l, const float *x, size_t n, int features,
                        double constant);

/* The largest change of a weight, or -1 when the features do not determine them. */
double cli_logistic_step(struct cli_logistic *l, const double *targets);

/* At row i. */
double cli_logistic_value(const struct cli_logistic *l, size_t i);

/* Weights of the features as they come: out[features]. */
void cli_logistic_weights(const struct cli_logistic *l, float *out);

#endif
