/* logistic.c: see logistic.h. */
#include "lsp/cli/eval/logistic.h"

#include <math.h>
#include <string.h>

enum { MAX = CLI_LOGISTIC_MAX };

/* The penalty is half of this times the squared weights, against a sum over rows: enough to
 * keep weights finite where a feature separates the targets. */
static const double ridge = 1.0;

void cli_logistic_begin(struct cli_logistic *l, const float *x, size_t n, int features,
                        double constant)
{
    *l = (struct cli_logistic){.x = x, .n = n, .features = features, .w = {constant}};
    for (int k = 1; k < features; k++) {
        double square = 0;
        for (size_t i = 0; i < n; i++)
            l->mean[k] += (double)x[i * (size_t)features + (size_t)k] / (double)n;
        for (size_t i = 0; i < n; i++) {
            double d = (double)x[i * (size_t)features + (size_t)k] - l->mean[k];
            square += d * d / (double)n;
        }
        l->deviation[k] = square > 1e-12 ? sqrt(square) : 0;
    }
}

static void scaled(const struct cli_logistic *l, size_t i, double x[MAX])
{
    const float *row = l->x + i * (size_t)l->features;
    x[0] = 1;
    for (int k = 1; k < l->features; k++)
        x[k] = l->deviation[k] > 0 ? ((double)row[k] - l->mean[k]) / l->deviation[k] : 0;
}

static double value(const struct cli_logistic *l, const double x[MAX])
{
    double z = 0;
    for (int k = 0; k < l->features; k++)
        z += l->w[k] * x[k];
    return 1 / (1 + exp(-z));
}

double cli_logistic_value(const struct cli_logistic *l, size_t i)
{
    double x[MAX];
    scaled(l, i, x);
    return value(l, x);
}

/* Solves a x = b by elimination with pivots; a and b are spent. False when a is singular. */
static bool solve(int n, double a[MAX][MAX], double b[MAX], double x[MAX])
{
    for (int c = 0; c < n; c++) {
        int pivot = c;
        for (int r = c + 1; r < n; r++)
            if (fabs(a[r][c]) > fabs(a[pivot][c])) pivot = r;
        if (fabs(a[pivot][c]) < 1e-12) return false;
        for (int k = 0; k < n; k++) {
            double swap = a[c][k];
            a[c][k] = a[pivot][k];
            a[pivot][k] = swap;
        }
        double swap = b[c];
        b[c] = b[pivot];
        b[pivot] = swap;
        for (int r = c + 1; r < n; r++) {
            double factor = a[r][c] / a[c][c];
            for (int k = c; k < n; k++)
                a[r][k] -= factor * a[c][k];
            b[r] -= factor * b[c];
        }
    }
    for (int c = n - 1; c >= 0; c--) {
        x[c] = b[c];
        for (int k = c + 1; k < n; k++)
            x[c] -= a[c][k] * x[k];
        x[c] /= a[c][c];
    }
    return true;
}

double cli_logistic_step(struct cli_logistic *l, const double *targets)
{
    double hessian[MAX][MAX] = {{0}}, gradient[MAX] = {0}, change[MAX], x[MAX], largest = 0;
    int n = l->features;
    for (size_t i = 0; i < l->n; i++) {
        scaled(l, i, x);
        double p = value(l, x), curvature = p * (1 - p) + 1e-9;
        for (int k = 0; k < n; k++) {
            gradient[k] += (targets[i] - p) * x[k];
            for (int m = 0; m < n; m++)
                hessian[k][m] += curvature * x[k] * x[m];
        }
    }
    for (int k = 1; k < n; k++) {
        gradient[k] -= ridge * l->w[k];
        hessian[k][k] += ridge;
    }
    if (!solve(n, hessian, gradient, change)) return -1;
    for (int k = 0; k < n; k++) {
        /* Far from the optimum a full step may overshoot. */
        double step = change[k] > 2 ? 2 : change[k] < -2 ? -2 : change[k];
        l->w[k] += step;
        largest = fabs(step) > largest ? fabs(step) : largest;
    }
    return largest;
}

void cli_logistic_weights(const struct cli_logistic *l, float *out)
{
    double constant = l->w[0];
    for (int k = 1; k < l->features; k++) {
        double weight = l->deviation[k] > 0 ? l->w[k] / l->deviation[k] : 0;
        out[k] = (float)weight;
        constant -= weight * l->mean[k];
    }
    out[0] = (float)constant;
}
