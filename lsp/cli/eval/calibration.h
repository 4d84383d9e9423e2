/* calibration.h: the arithmetic of confidence: is a suggestion of confidence 0.7 right seven
 * times in ten, and how to make it so.
 *
 * Expected calibration error: samples are put into bins by confidence; the error is the mean
 * over bins, weighted by their samples, of |mean confidence - share of right ones|. With bins
 * of equal width ([0, 0.1), [0.1, 0.2) ...) most samples may fall into few; with bins of equal
 * mass each holds a tenth of the samples, in the order of their confidence. Brier score: the
 * mean of (confidence - right)^2.
 *
 * Pure functions of their arguments.
 */
#ifndef ESPALIER_CLI_CALIBRATION_H
#define ESPALIER_CLI_CALIBRATION_H

#include "lsp/assist/confidence.h"

#define CLI_BINS 10

struct cli_suggestion {
    struct asst_evidence evidence;
    double confidence;
    double right;     /* 1 or 0 */
    uint32_t package; /* what may not be on both sides of a split */
};

struct cli_bin {
    double low, high;         /* of confidence */
    double confidence, right; /* means; 0 when n == 0 */
    size_t n;
};

struct cli_reliability {
    struct cli_bin by_width[CLI_BINS], by_mass[CLI_BINS];
    double error_by_width, error_by_mass, brier;
    size_t n;
};

/* Sorts the suggestions by confidence. All zero for none. */
void cli_reliability(struct cli_suggestion *suggestions, size_t n, struct cli_reliability *out);

/* The logistic map that makes `right` likeliest (see logistic.h). False when there are not both
 * right and wrong ones, or there is no memory. */
bool cli_fit_confidence(const struct cli_suggestion *suggestions, size_t n,
                        float weights[ASST_FEATURES]);

/* The least threshold, in hundredths, from which on the share of right ones among suggestions
 * of at least that confidence is `wanted` or more and at least `least` of them are left. False
 * when there is none; *out is then the threshold with the largest share. */
bool cli_choose_threshold(const struct cli_suggestion *suggestions, size_t n, double wanted,
                          size_t least, double *out);

/* Suggestions of at least that confidence, and how many of them are right. */
void cli_count_shown(const struct cli_suggestion *suggestions, size_t n, double threshold,
                     size_t *shown, size_t *right);

#endif
