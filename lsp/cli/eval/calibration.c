/* calibration.c: see calibration.h. */
#include "lsp/cli/eval/calibration.h"
#include "lsp/cli/eval/logistic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NEWTON_STEPS = 40 };

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

bool cli_fit_confidence(const struct cli_suggestion *s, size_t n, float weights[ASST_FEATURES])
{
    size_t right = 0;
    float *x = malloc((n + 1) * ASST_FEATURES * sizeof *x);
    double *targets = malloc((n + 1) * sizeof *targets);
    for (size_t i = 0; x && targets && i < n; i++) {
        memcpy(x + i * ASST_FEATURES, s[i].evidence.feature, sizeof s[i].evidence.feature);
        targets[i] = s[i].right;
        right += s[i].right > 0;
    }
    double moved = -1;
    if (right > 0 && right < n) {
        struct cli_logistic l;
        cli_logistic_begin(&l, x, n, ASST_FEATURES, log((double)right / (double)(n - right)));
        moved = 1;
        for (int i = 0; i < NEWTON_STEPS && moved > 1e-8; i++)
            moved = cli_logistic_step(&l, targets);
        cli_logistic_weights(&l, weights);
    }
    free(x);
    free(targets);
    return moved >= 0;
}
