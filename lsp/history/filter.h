/* filter.h: which suggestions this person wants to see.
 *
 * A model file says how likely a suggestion of some confidence is to be right (c), and below which
 * confidence one is better not shown. People differ: what this one took of what was shown tells how
 * likely they are to take one,
 *
 *   p(taken) = 1 / (1 + exp(-(a + b ln(c / (1 - c))))),
 *
 * and a suggestion is shown when that is at least what the model file's threshold stands for. a and
 * b are those that are likeliest after the last outcomes, where a is thought to be normal around 0
 * with deviation 1, and b around 1 with deviation 1/2: with few outcomes the model file has the
 * say, with many the person. (Maximum a posteriori logistic regression, by Newton's method.)
 *
 * Plain values but for hist_learn; any thread.
 */
#ifndef ESPALIER_HISTORY_FILTER_H
#define ESPALIER_HISTORY_FILTER_H

#include "lsp/history/history.h"

#define HIST_LEARN_ROWS 2000 /* the last ones count */

struct hist_filter {
    double a, b;
    uint32_t outcomes; /* that it was learned from; 0: a is 0, b is 1 */
};

/* From pairs of a confidence and whether something was taken. */
void hist_fit(const double *confidence, const bool *taken, size_t n, struct hist_filter *out);

/* From the last suggestions of a model that came while typing and were on screen for at least
 * min_visible_ms, or of which something was kept. */
bool hist_learn(struct history *history, const char *model, double min_visible_ms,
                struct hist_filter *out, struct hist_error *err);

/* The confidence below which nothing is shown, where the model file says `base`, in (0, 1): between
 * a quarter and four times of it, and at most 0.9, so that a bad day neither silences nor unleashes
 * it. A base of 0 or less stays. */
double hist_threshold(const struct hist_filter *filter, double base);

#endif
