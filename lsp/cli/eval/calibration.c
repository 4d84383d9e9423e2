/* calibration.c: see calibration.h. */
#include "lsp/cli/eval/calibration.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = ASST_FEATURES, NEWTON_STEPS = 40 };

/* The penalty is half of this times the squared weights, against a sum over samples: enough
 * to keep weights finite where a feature separates right from wrong. */
static const double ridge = 1.0;

/* ---- Reliability -------------------------------------------------------------------------- */

static int by_confidence(const void *a, const void *b)
{
    const struct cli_suggestion *x = a, *y = b;
    return (x->confidence > y->confidence) - (x->confidence < y->confidence);
}

static void fill_bin(const struct cli_suggestion *s, size_t from, size_t to, struct cli_bin *bin)
{
    bin->n = to - from;
    for (size_t i = from; i < to; i++) {
        bin->confidence += s[i].confidence / (double)bin->n;
        bin->right += s[i].right / (double)bin->n;
    }
}

void cli_reliability(struct cli_suggestion *s, size_t n, struct cli_reliability *out)
{
    memset(out, 0, sizeof *out);
    out->n = n;
    if (n == 0) return;
    qsort(s, n, sizeof *s, by_confidence);
    for (size_t i = 0; i < n; i++)
        out->brier += (s[i].confidence - s[i].right) * (s[i].confidence - s[i].right) / (double)n;
    size_t at = 0;
    for (size_t b = 0; b < CLI_BINS; b++) {
        struct cli_bin *width = &out->by_width[b], *mass = &out->by_mass[b];
        width->low = (double)b / CLI_BINS;
        width->high = (double)(b + 1) / CLI_BINS;
        size_t to = at;
        while (to < n && (b + 1 == CLI_BINS || s[to].confidence < width->high))
            to++;
        fill_bin(s, at, to, width);
        at = to;

        size_t from = n * b / CLI_BINS, end = n * (b + 1) / CLI_BINS;
        if (end > from) mass->low = s[from].confidence;
        if (end > from) mass->high = s[end - 1].confidence;
        fill_bin(s, from, end, mass);
        out->error_by_width +=
            fabs(width->confidence - width->right) * (double)width->n / (double)n;
        out->error_by_mass += fabs(mass->confidence - mass->right) * (double)mass->n / (double)n;
    }
}

void cli_count_shown(const struct cli_suggestion *s, size_t n, double threshold, size_t *shown,
                     size_t *right)
{
    *shown = *right = 0;
    for (size_t i = 0; i < n; i++) {
        *shown += s[i].confidence >= threshold;
        *right += s[i].confidence >= threshold && s[i].right > 0;
    }
}

bool cli_choose_threshold(const struct cli_suggestion *s, size_t n, double wanted, size_t least,
                          double *out)
{
    double best = -1;
    *out = 0;
    for (int percent = 0; percent < 100; percent++) {
        size_t shown, right;
        cli_count_shown(s, n, percent / 100.0, &shown, &right);
        if (shown == 0 || shown < least) break;
        double share = (double)right / (double)shown;
        if (share > best) *out = percent / 100.0;
        if (share > best) best = share;
        if (share >= wanted) return true;
    }
    return false;
}

/* ---- Fitting ------------------------------------------------------------------------------ */

/* Solves a x = b by elimination with pivots; a and b are spent. False when a is singular. */
static bool solve(double a[N][N], double b[N], double x[N])
{
    for (int c = 0; c < N; c++) {
        int pivot = c;
        for (int r = c + 1; r < N; r++)
            if (fabs(a[r][c]) > fabs(a[pivot][c])) pivot = r;
        if (fabs(a[pivot][c]) < 1e-12) return false;
        for (int k = 0; k < N; k++) {
            double swap = a[c][k];
            a[c][k] = a[pivot][k];
            a[pivot][k] = swap;
        }
        double swap = b[c];
        b[c] = b[pivot];
        b[pivot] = swap;
        for (int r = c + 1; r < N; r++) {
            double factor = a[r][c] / a[c][c];
            for (int k = c; k < N; k++)
                a[r][k] -= factor * a[c][k];
            b[r] -= factor * b[c];
        }
    }
    for (int c = N - 1; c >= 0; c--) {
        x[c] = b[c];
        for (int k = c + 1; k < N; k++)
            x[c] -= a[c][k] * x[k];
        x[c] /= a[c][c];
    }
    return true;
}

struct scale {
    double mean[N], deviation[N]; /* deviation 0: the feature never varies */
};

static void measure_scale(const struct cli_suggestion *s, size_t n, struct scale *out)
{
    memset(out, 0, sizeof *out);
    for (int k = 1; k < N; k++) {
        double square = 0;
        for (size_t i = 0; i < n; i++)
            out->mean[k] += s[i].evidence.feature[k] / (double)n;
        for (size_t i = 0; i < n; i++) {
            double d = s[i].evidence.feature[k] - out->mean[k];
            square += d * d / (double)n;
        }
        out->deviation[k] = square > 1e-12 ? sqrt(square) : 0;
    }
}

static void scaled(const struct scale *scale, const float *feature, double x[N])
{
    x[0] = 1;
    for (int k = 1; k < N; k++)
        x[k] = scale->deviation[k] > 0 ? (feature[k] - scale->mean[k]) / scale->deviation[k] : 0;
}

/* One step of Newton's method; the largest change of a weight, or -1. */
static double newton_step(const struct cli_suggestion *s, size_t n, const struct scale *scale,
                          double w[N])
{
    double hessian[N][N] = {{0}}, gradient[N] = {0}, change[N], x[N], largest = 0;
    for (size_t i = 0; i < n; i++) {
        double z = 0;
        scaled(scale, s[i].evidence.feature, x);
        for (int k = 0; k < N; k++)
            z += w[k] * x[k];
        double p = 1 / (1 + exp(-z)), curvature = p * (1 - p) + 1e-9;
        for (int k = 0; k < N; k++) {
            gradient[k] += (s[i].right - p) * x[k];
            for (int l = 0; l < N; l++)
                hessian[k][l] += curvature * x[k] * x[l];
        }
    }
    for (int k = 1; k < N; k++) {
        gradient[k] -= ridge * w[k];
        hessian[k][k] += ridge;
    }
    if (!solve(hessian, gradient, change)) return -1;
    for (int k = 0; k < N; k++) {
        /* Far from the optimum a full step may overshoot. */
        double step = change[k] > 2 ? 2 : change[k] < -2 ? -2 : change[k];
        w[k] += step;
        largest = fabs(step) > largest ? fabs(step) : largest;
    }
    return largest;
}

bool cli_fit_confidence(const struct cli_suggestion *s, size_t n, float weights[ASST_FEATURES])
{
    size_t right = 0;
    for (size_t i = 0; i < n; i++)
        right += s[i].right > 0;
    if (right == 0 || right == n) return false;
    struct scale scale;
    measure_scale(s, n, &scale);
    double w[N] = {log((double)right / (double)(n - right))}, moved = 1;
    for (int i = 0; i < NEWTON_STEPS && moved > 1e-8; i++)
        moved = newton_step(s, n, &scale, w);
    if (moved < 0) return false;
    double constant = w[0];
    for (int k = 1; k < N; k++) {
        double weight = scale.deviation[k] > 0 ? w[k] / scale.deviation[k] : 0;
        weights[k] = (float)weight;
        constant -= weight * scale.mean[k];
    }
    weights[0] = (float)constant;
    return true;
}
