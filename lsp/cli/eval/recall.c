/* recall.c: see recall.h. The pass over the holes, and the arithmetic on what it found. */
#include "lsp/cli/eval/recall.h"
#include "lsp/cli/eval/logistic.h"
#include "lsp/cli/eval/workspace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 100 };

/* ---- Measuring ------------------------------------------------------------------------------ */

static bool reserve(struct cli_recall_tokens *out, size_t more)
{
    if (out->n + more <= out->capacity) return true;
    size_t capacity = 2 * out->capacity + more + 1024;
    struct cli_recall_token *at = realloc(out->at, capacity * sizeof *at);
    if (!at) return false;
    out->at = at;
    out->capacity = capacity;
    return true;
}

static void measure_token(const struct cli_truth *t, const struct asst_guesses *guesses, size_t row,
                          int32_t id, struct cli_recall_token *out)
{
    const float *logits = t->logits + row * t->vocab;
    double log_sum = t->rows[row].log_sum;
    out->model = exp((double)logits[id] - log_sum);
    out->guessed = guesses->count > 0;
    if (!out->guessed) return;
    asst_recall_evidence(guesses, logits, t->vocab, out->feature, &log_sum);
    out->guess = (double)guesses->open * out->model;
    for (uint32_t i = 0; i < guesses->count; i++)
        if (guesses->id[i] == id) out->guess += (double)guesses->p[i];
}

/* The tokens of one hole, whose rows have been read; the text's end is one where the model has
 * a token for it. */
static bool measure_hole(const struct cli_truth *t, struct asst_recall *recall, uint32_t package,
                         struct cli_recall_tokens *out)
{
    int32_t end = eng_end_token(t->model);
    uint32_t n = t->prompt.length;
    if (t->first + 1 > t->middle) return true; /* no room for all rows */
    if (!reserve(out, n - t->middle + 1)) return false;
    for (uint32_t at = t->middle; at < n || (at == n && end >= 0); at++) {
        struct asst_guesses guesses;
        int32_t id = at < n ? t->prompt.inputs[at].id : end;
        asst_recall_next(recall, end, &guesses);
        struct cli_recall_token *token = &out->at[out->n++];
        *token = (struct cli_recall_token){.package = package};
        measure_token(t, &guesses, at - 1 - t->first, id, token);
        asst_recall_push(recall, id);
    }
    return true;
}

/* workspace: where files near by are looked for; NULL: they are not. */
static enum eng_status read_hole(struct cli_truth *t, const struct cli_eval *eval,
                                 struct cli_workspace *workspace, const struct cli_hole *hole,
                                 struct cli_recall_tokens *out, struct eng_error *err)
{
    struct cli_case open;
    struct asst_recall *recall = NULL;
    struct asst_shelf *shelf = NULL;
    const char *package = eval->corpus.packages[hole->file->package];
    if (!cli_case_open(hole, &open)) return ENG_NO_MEMORY;
    enum eng_status status = cli_truth_build(t, &open, eval, err);
    if (status == ENG_BAD_INPUT) { /* longer than the window has room for */
        cli_case_close(&open);
        return ENG_OK;
    }
    bool built = status == ENG_OK;
    if (status == ENG_OK) status = cli_truth_read(t, 0, err);
    if (status == ENG_OK) status = asst_recall_new(t->model, t->prompt.capacity, &recall, err);
    struct asst_source source = {
        .doc = open.doc, .hole_start = hole->start, .hole_end = hole->start};
    if (status == ENG_OK) status = asst_recall_read(recall, &source, t->prompt.heal_start, err);
    if (status == ENG_OK && workspace &&
        !cli_workspace_shelf(workspace, &open, package, t->model, &shelf))
        status = ENG_NO_MEMORY;
    if (recall) asst_recall_look_at(recall, shelf);
    if (status == ENG_OK && !measure_hole(t, recall, hole->file->package, out))
        status = ENG_NO_MEMORY;
    asst_recall_free(recall);
    asst_shelf_release(shelf);
    if (built) asst_prompt_free(&t->prompt);
    cli_case_close(&open);
    return status;
}

bool cli_recall_measure(const struct cli_contest *c, struct cli_recall_tokens *out)
{
    struct cli_eval *eval = c->eval;
    struct cli_truth truth;
    struct cli_workspace *workspace = NULL;
    unsigned sources = 0;
    *out = (struct cli_recall_tokens){0};
    if (eval->sources.count && idx_sources_of(eval->sources.values[0], &sources) &&
        (sources & IDX_NEAR) && !(workspace = cli_workspace_open())) {
        cli_fail("out of memory for the evaluation");
        return false;
    }
    bool ok = cli_truth_open(eval->cli, eval->models.count ? eval->models.values[0] : NULL, &truth);
    for (size_t i = 0; ok && i < c->n_holes; i++) {
        struct eng_error err = {"out of memory"};
        cli_progress(eval->cli, "true texts: hole %zu of %zu", i + 1, c->n_holes);
        ok = read_hole(&truth, eval, workspace, &c->holes[i], out, &err) == ENG_OK;
        if (!ok) cli_progress_end(eval->cli);
        if (!ok) cli_fail("%s: %s", c->holes[i].file->path, err.text);
    }
    cli_progress_end(eval->cli);
    cli_truth_close(&truth);
    cli_workspace_close(workspace);
    return ok;
}

/* ---- Fitting -------------------------------------------------------------------------------- */

bool cli_recall_fit(const struct cli_recall_token *tokens, size_t n,
                    float weights[ASST_RECALL_FEATURES])
{
    float *x = malloc((n + 1) * ASST_RECALL_FEATURES * sizeof *x);
    double *targets = malloc((n + 1) * sizeof *targets);
    const struct cli_recall_token **kept = malloc((n + 1) * sizeof(*kept));
    size_t rows = 0;
    for (size_t i = 0; x && targets && kept && i < n; i++) {
        if (!tokens[i].guessed) continue;
        memcpy(x + rows * ASST_RECALL_FEATURES, tokens[i].feature, sizeof tokens[i].feature);
        kept[rows++] = &tokens[i];
    }
    struct cli_logistic l;
    double moved = rows > 0 ? 1 : -1;
    if (rows > 0) cli_logistic_begin(&l, x, rows, ASST_RECALL_FEATURES, -2);
    for (int step = 0; step < STEPS && moved > 1e-6; step++) {
        for (size_t i = 0; i < rows; i++) {
            double w = cli_logistic_value(&l, i), guess = w * kept[i]->guess;
            targets[i] = guess / (guess + (1 - w) * kept[i]->model + 1e-300);
        }
        moved = cli_logistic_step(&l, targets);
    }
    if (moved >= 0) cli_logistic_weights(&l, weights);
    free(kept);
    free(targets);
    free(x);
    return moved >= 0;
}

double cli_recall_bits(const struct cli_recall_token *tokens, size_t n, const float *weights)
{
    double bits = 0;
    for (size_t i = 0; i < n; i++) {
        const struct cli_recall_token *t = &tokens[i];
        double w = weights && t->guessed ? asst_recall_weight(weights, t->feature) : 0;
        bits -= log2((1 - w) * t->model + w * t->guess + 1e-30);
    }
    return n ? bits / (double)n : 0;
}
