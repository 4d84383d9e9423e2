/* filter.c: two numbers from some thousand outcomes.
 *
 * The arithmetic alone: which rows there are is history.c's, and when to learn anew the server's.
 */
#include "lsp/history/filter.h"

#include <math.h>

#define STEPS       50
#define A_PRECISION 1.0 /* 1 / deviation^2 */
#define B_PRECISION 4.0
#define LOGIT_MAX   7.0
#define LEAST_SHARE 0.25 /* of the base */
#define MOST_SHARE  4.0
#define MOST        0.9

static double logit(double c)
{
    if (!(c > 0)) return -LOGIT_MAX;
    if (c >= 1) return LOGIT_MAX;
    return fmin(fmax(log(c / (1 - c)), -LOGIT_MAX), LOGIT_MAX);
}

static double logistic(double z)
{
    return 1 / (1 + exp(-z));
}

void hist_fit(const double *confidence, const bool *taken, size_t n, struct hist_filter *out)
{
    double a = 0, b = 1;
    for (int step = 0; step < STEPS && n > 0; step++) {
        /* Gradient and Hessian of the log posterior. */
        double ga = -A_PRECISION * a, gb = -B_PRECISION * (b - 1);
        double haa = A_PRECISION, hab = 0, hbb = B_PRECISION;
        for (size_t i = 0; i < n; i++) {
            double x = logit(confidence[i]), p = logistic(a + b * x), w = p * (1 - p);
            double miss = (taken[i] ? 1 : 0) - p;
            ga += miss;
            gb += miss * x;
            haa += w;
            hab += w * x;
            hbb += w * x * x;
        }
        double det = haa * hbb - hab * hab; /* positive: the priors see to it */
        double da = (hbb * ga - hab * gb) / det, db = (haa * gb - hab * ga) / det;
        a += da;
        b += db;
        if (fabs(da) + fabs(db) < 1e-9) break;
    }
    *out = (struct hist_filter){a, b, (uint32_t)n};
}

double hist_threshold(const struct hist_filter *filter, double base)
{
    if (filter->outcomes == 0 || !(base > 0) || base >= 1) return base;
    double least = LEAST_SHARE * base, most = fmin(MOST_SHARE * base, fmax(MOST, base));
    if (!(filter->b > 0.05)) return base; /* confidence tells nothing about this person */
    double c = logistic((logit(base) - filter->a) / filter->b);
    return fmin(fmax(c, least), most);
}
