/* calibrate.c: `espalier eval calibration` and `espalier model calibrate`.
 *
 * Asks a model for the suggestions of held-out holes, holds their confidence against whether
 * they are right, and fits the map that a model file may carry (lsp/assist/confidence.h), after
 * the weights of recall (lsp/assist/recall.h), with which the suggestions are made. The
 * packages are dealt into two halves: map, threshold and weights come from one, every number
 * that is reported from the other.
 */
#include "grammars/grammars.h"
#include "lsp/cli/eval/calibration.h"
#include "lsp/cli/eval/contest.h"
#include "lsp/cli/eval/recall.h"
#include "lsp/cli/model/copy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_SHOWN = 30, DEFAULT_N = 300 };

static const char *const feature_names[ASST_FEATURES] = {"one",    "sum", "mean", "least",
                                                         "length", "cut", "end",  "lines"};

struct calibration {
    double wanted;                    /* share of right ones among the shown */
    struct cli_suggestion *fitted_on; /* [n_fitted] */
    struct cli_suggestion *measured;  /* [n_measured], of other packages */
    size_t n_fitted, n_measured;
    size_t packages_fitted, packages_measured, holes_measured;
    float weights[ASST_FEATURES];
    float recall[ASST_RECALL_FEATURES];
    bool has_recall;                /* it was fitted */
    double bits_model, bits_recall; /* a token of the true texts, in the other half */
    uint8_t *side;                  /* [packages]: 0 no hole, 1 fitted on, 2 measured */
    double threshold;
    bool reached;                       /* the threshold gives the wanted share */
    struct cli_reliability before, now; /* of `measured`: as the model file says, and fitted */
};

/* ---- Fitting ------------------------------------------------------------------------------ */

/* Deals the packages that have holes out to the halves in turns, language by language. */
static bool deal(const struct cli_contest *c, struct calibration *cal)
{
    cal->side = calloc(c->eval->corpus.n_packages + 1, 1);
    unsigned turn = 0;
    for (size_t i = 0; cal->side && i < c->n_holes; i++) {
        uint8_t *side = &cal->side[c->cluster[i]];
        if (!*side) {
            *side = (uint8_t)(1 + turn++ % 2);
            cal->packages_fitted += *side == 1;
            cal->packages_measured += *side == 2;
        }
        cal->holes_measured += *side == 2;
    }
    if (!cal->side) cli_fail("out of memory for the evaluation");
    return cal->side != NULL;
}

/* The weights of recall, which the suggestions are then made with. */
static bool fit_recall(struct cli_contest *c, struct calibration *cal)
{
    struct cli_recall_tokens tokens;
    bool ok = cli_recall_measure(c, &tokens);
    size_t fitted = 0;
    for (size_t i = 0; ok && i < tokens.n; i++) /* the half to fit on to the front */
        if (cal->side[tokens.at[i].package] == 1) {
            struct cli_recall_token swap = tokens.at[fitted];
            tokens.at[fitted++] = tokens.at[i];
            tokens.at[i] = swap;
        }
    if (ok && cli_recall_fit(tokens.at, fitted, cal->recall)) {
        const struct cli_recall_token *others = tokens.at + fitted;
        cal->bits_model = cli_recall_bits(others, tokens.n - fitted, NULL);
        cal->bits_recall = cli_recall_bits(others, tokens.n - fitted, cal->recall);
        cal->has_recall = true;
        c->eval->recall = cal->recall;
    }
    free(tokens.at);
    return ok;
}

/* The suggestions by half. */
static bool collect(const struct cli_contest *c, struct calibration *cal)
{
    cal->fitted_on = malloc((c->n_holes + 1) * sizeof *cal->fitted_on);
    cal->measured = malloc((c->n_holes + 1) * sizeof *cal->measured);
    bool ok = cal->fitted_on && cal->measured;
    for (size_t i = 0; ok && i < c->n_holes; i++) {
        const struct cli_answer *answer = &c->answers[0][i];
        uint32_t package = c->cluster[i];
        if (!answer->shown) continue;
        struct cli_suggestion s = {answer->evidence, answer->confidence, answer->served.exact,
                                   package};
        if (cal->side[package] == 1)
            cal->fitted_on[cal->n_fitted++] = s;
        else
            cal->measured[cal->n_measured++] = s;
    }
    if (!ok) cli_fail("out of memory for the evaluation");
    return ok;
}

static void apply(const struct calibration *cal, struct cli_suggestion *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s[i].confidence = asst_confidence_map(cal->weights, &s[i].evidence);
}

static bool fit(struct calibration *cal)
{
    if (!cli_fit_confidence(cal->fitted_on, cal->n_fitted, cal->weights)) {
        cli_fail(
            "%zu suggestions to fit on, which are not both right and wrong ones: too few holes",
            cal->n_fitted);
        return false;
    }
    cli_reliability(cal->measured, cal->n_measured, &cal->before);
    apply(cal, cal->fitted_on, cal->n_fitted);
    apply(cal, cal->measured, cal->n_measured);
    cal->reached = cli_choose_threshold(cal->fitted_on, cal->n_fitted, cal->wanted, LEAST_SHOWN,
                                        &cal->threshold);
    cli_reliability(cal->measured, cal->n_measured, &cal->now);
    return true;
}

/* refit: weights of recall as well, instead of the model file's own. */
static bool calibrate(struct cli_eval *eval, struct calibration *cal, bool refit)
{
    struct cli_contest c;
    if (eval->n == 0) eval->n = DEFAULT_N;
    bool ok = cli_contest_draw(eval, &c) && deal(&c, cal) && (!refit || fit_recall(&c, cal)) &&
              cli_contest_run(&c) && collect(&c, cal) && fit(cal);
    cli_contest_close(&c);
    return ok;
}

static void calibration_free(struct calibration *cal)
{
    free(cal->fitted_on);
    free(cal->measured);
    free(cal->side);
}

/* ---- Reports ------------------------------------------------------------------------------ */

static double share(size_t part, size_t all)
{
    return all ? (double)part / (double)all : 0;
}

static void print_text(const struct calibration *cal)
{
    printf("fitted on %zu suggestions of %zu packages, measured on %zu of %zu others\n\n",
           cal->n_fitted, cal->packages_fitted, cal->n_measured, cal->packages_measured);
    if (cal->has_recall)
        printf("recall of the document: %.3f bits a token of the true texts, %.3f without\n\n",
               cal->bits_recall, cal->bits_model);
    printf("%-24s  %s\n", "", "expected calibration error");
    printf("%-24s  %10s  %11s  %6s\n", "", "equal mass", "equal width", "Brier");
    printf("%-24s  %10.3f  %11.3f  %6.3f\n", "as the model file has it", cal->before.error_by_mass,
           cal->before.error_by_width, cal->before.brier);
    printf("%-24s  %10.3f  %11.3f  %6.3f\n\n", "fitted", cal->now.error_by_mass,
           cal->now.error_by_width, cal->now.brier);
    printf("%-16s  %11s  %10s  %6s\n", "confidence", "suggestions", "mean", "right");
    for (int b = 0; b < CLI_BINS; b++) {
        const struct cli_bin *bin = &cal->now.by_mass[b];
        if (bin->n)
            printf("%.3f .. %.3f    %11zu  %9.1f%%  %5.1f%%\n", bin->low, bin->high, bin->n,
                   100 * bin->confidence, 100 * bin->right);
    }
    printf("\n%-9s  %14s  %18s\n", "threshold", "shown of holes", "right of the shown");
    for (int t = 0; t < 10; t++) {
        size_t shown, right;
        cli_count_shown(cal->measured, cal->n_measured, t / 10.0, &shown, &right);
        printf("%9.2f  %13.1f%%  %17.1f%%\n", t / 10.0, 100 * share(shown, cal->holes_measured),
               100 * share(right, shown));
    }
    size_t shown, right;
    cli_count_shown(cal->measured, cal->n_measured, cal->threshold, &shown, &right);
    printf("\nhide below %.2f: %.1f%% of holes get a suggestion, %.1f%% of these are right\n",
           cal->threshold, 100 * share(shown, cal->holes_measured), 100 * share(right, shown));
    if (!cal->reached)
        printf("no threshold gave %.0f%% right suggestions; this one came nearest\n",
               100 * cal->wanted);
}

static void add_bins(cJSON *out, const char *name, const struct cli_bin *bins)
{
    cJSON *list = cJSON_AddArrayToObject(out, name);
    for (int b = 0; b < CLI_BINS; b++) {
        cJSON *bin = cJSON_CreateObject();
        cJSON_AddNumberToObject(bin, "low", bins[b].low);
        cJSON_AddNumberToObject(bin, "high", bins[b].high);
        cJSON_AddNumberToObject(bin, "suggestions", (double)bins[b].n);
        cJSON_AddNumberToObject(bin, "confidence", bins[b].confidence);
        cJSON_AddNumberToObject(bin, "right", bins[b].right);
        cJSON_AddItemToArray(list, bin);
    }
}

static void add_reliability(cJSON *root, const char *name, const struct cli_reliability *r)
{
    cJSON *out = cJSON_AddObjectToObject(root, name);
    cJSON_AddNumberToObject(out, "error_by_mass", r->error_by_mass);
    cJSON_AddNumberToObject(out, "error_by_width", r->error_by_width);
    cJSON_AddNumberToObject(out, "brier", r->brier);
    add_bins(out, "by_mass", r->by_mass);
    add_bins(out, "by_width", r->by_width);
}

static void add_recall(cJSON *root, const struct calibration *cal)
{
    static const char *const names[ASST_RECALL_FEATURES] = {"one",   "length", "sure",
                                                            "count", "best",   "entropy"};
    if (!cal->has_recall) return;
    cJSON *out = cJSON_AddObjectToObject(root, "recall");
    cJSON_AddNumberToObject(out, "bits_a_token", cal->bits_recall);
    cJSON_AddNumberToObject(out, "bits_a_token_without", cal->bits_model);
    cJSON *weights = cJSON_AddObjectToObject(out, "weights");
    for (int k = 0; k < ASST_RECALL_FEATURES; k++)
        cJSON_AddNumberToObject(weights, names[k], (double)cal->recall[k]);
}

static void print_json(const struct calibration *cal)
{
    cJSON *root = cJSON_CreateObject();
    add_recall(root, cal);
    cJSON_AddNumberToObject(root, "fitted_on", (double)cal->n_fitted);
    cJSON_AddNumberToObject(root, "measured_on", (double)cal->n_measured);
    cJSON_AddNumberToObject(root, "packages_fitted", (double)cal->packages_fitted);
    cJSON_AddNumberToObject(root, "packages_measured", (double)cal->packages_measured);
    add_reliability(root, "before", &cal->before);
    add_reliability(root, "fitted", &cal->now);
    cJSON *weights = cJSON_AddObjectToObject(root, "weights");
    for (int k = 0; k < ASST_FEATURES; k++)
        cJSON_AddNumberToObject(weights, feature_names[k], cal->weights[k]);
    cJSON *curve = cJSON_AddArrayToObject(root, "curve");
    for (int t = 0; t < 100; t++) {
        size_t shown, right;
        cli_count_shown(cal->measured, cal->n_measured, t / 100.0, &shown, &right);
        cJSON *at = cJSON_CreateObject();
        cJSON_AddNumberToObject(at, "threshold", t / 100.0);
        cJSON_AddNumberToObject(at, "shown", share(shown, cal->holes_measured));
        cJSON_AddNumberToObject(at, "right", share(right, shown));
        cJSON_AddItemToArray(curve, at);
    }
    cJSON_AddNumberToObject(root, "threshold", cal->threshold);
    cJSON_AddBoolToObject(root, "threshold_reached", cal->reached);
    cli_print_json(root);
}

static void print(const struct calibration *cal, bool json)
{
    if (json)
        print_json(cal);
    else
        print_text(cal);
}

int cli_eval_calibration(struct cli_eval *eval)
{
    struct calibration cal = {.wanted = eval->precision};
    if (eval->models.count > 1) return cli_fail("eval calibration takes one --model");
    bool ok = calibrate(eval, &cal, false);
    if (ok) print(&cal, eval->json);
    calibration_free(&cal);
    return ok ? CLI_OK : CLI_ERROR;
}

/* ---- Writing ------------------------------------------------------------------------------ */

/* A copy of the file with other numbers in espalier.confidence.* and espalier.recall.*. */
static enum eng_status write_copy(const char *from, const char *to, const struct calibration *cal,
                                  struct eng_error *err)
{
    static const char *const replaced[] = {"espalier.confidence.", "espalier.recall.", NULL};
    struct eng_gguf *gguf = NULL;
    struct eng_gguf_writer *writer = NULL;
    enum eng_status status = eng_gguf_open(from, &gguf, err);
    if (status == ENG_OK && !(writer = eng_gguf_writer_new())) status = ENG_NO_MEMORY;
    if (status == ENG_OK) {
        cli_copy_keys(gguf, replaced, writer);
        eng_gguf_put_f32s(writer, "espalier.confidence.weights", cal->weights, ASST_FEATURES);
        eng_gguf_put_f32(writer, "espalier.confidence.threshold", (float)cal->threshold);
        if (cal->has_recall)
            eng_gguf_put_f32s(writer, "espalier.recall.weights", cal->recall, ASST_RECALL_FEATURES);
    }
    for (size_t i = 0; status == ENG_OK && i < eng_gguf_tensor_count(gguf); i++)
        cli_copy_tensor(eng_gguf_tensor_at(gguf, i), writer);
    if (status == ENG_OK) status = eng_gguf_writer_save(writer, to, err);
    eng_gguf_writer_free(writer);
    eng_gguf_close(gguf);
    return status;
}

static const char help[] =
    "usage: espalier model calibrate MODEL --out FILE [OPTION]... DIR|FILE...\n"
    "\n"
    "Asks MODEL for the rest of lines in held-out files, fits the map from what it says of\n"
    "them to the chance that they are right on one half of the packages, and reports how well\n"
    "that holds on the other. The same half says how much to trust what a document repeats\n"
    "beside the model. FILE becomes a copy of MODEL that carries both, and the confidence below\n"
    "which suggestions are hidden (completion.minConfidence overrides it).\n"
    "\n"
    "  --out FILE        where to write; MODEL itself may be named\n"
    "  --n N             holes of each language (default 300)\n"
    "  --seed N          of the choice of holes (default 1)\n"
    "  --context N       tokens of the window (default: the model's)\n"
    "  --outline N       up to N of them for lines that the tree chooses (see eval --help)\n"
    "  --precision P     share of right suggestions that the threshold is chosen for\n"
    "                    (default 0.35)\n"
    "  --sources LIST    with text of the package's other files (see eval --help)\n"
    "  --no-recall       for the model alone, without what the document repeats\n"
    "  --json            one JSON document\n";

int cli_model_calibrate(struct cli *cli, int argc, char **argv)
{
    struct cli_eval eval = {.cli = cli, .seed = 1, .outline = -1, .precision = CLI_PRECISION};
    const char *out = NULL;
    const struct cli_option options[] = {{"--out", CLI_TEXT, &out, 0, 0},
                                         {"--n", CLI_INT, &eval.n, 1, 1000000},
                                         {"--seed", CLI_INT, &eval.seed, 0, 2147483647},
                                         {"--context", CLI_INT, &eval.context, 64, 1048576},
                                         {"--outline", CLI_INT, &eval.outline, 0, 1048576},
                                         {"--sources", CLI_LIST, &eval.sources, 0, 0},
                                         {"--precision", CLI_NUMBER, &eval.precision, 0, 1},
                                         {"--no-recall", CLI_FLAG, &eval.no_recall, 0, 0},
                                         {"--json", CLI_FLAG, &eval.json, 0, 0},
                                         {0}};
    static const char *words[CLI_MAX_WORDS];
    size_t n_words;
    if (!cli_parse(cli, options, argc, argv, words, CLI_MAX_WORDS, &n_words)) return CLI_ERROR;
    if (cli->help) {
        fputs(help, stdout);
        return CLI_OK;
    }
    if (n_words < 2) return cli_fail("model calibrate needs a model and held-out files or folders");
    if (!out) return cli_fail("model calibrate needs --out FILE");
    eval.models = (struct cli_list){{words[0]}, 1};
    if (!cli_corpus_open(words + 1, n_words - 1, &eval.corpus)) return CLI_ERROR;
    struct calibration cal = {.wanted = eval.precision};
    bool ok = calibrate(&eval, &cal, !eval.no_recall);
    struct eng_error err = {"out of memory"};
    if (ok && write_copy(words[0], out, &cal, &err) != ENG_OK) {
        cli_fail("%s", err.text);
        ok = false;
    }
    if (ok) print(&cal, eval.json);
    calibration_free(&cal);
    cli_corpus_close(&eval.corpus);
    return ok ? CLI_OK : CLI_ERROR;
}
