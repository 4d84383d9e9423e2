/* compare.c: `espalier model compare A B PATH...`: what one model file loses against another.
 *
 * Two passes over the same holes. In the first both complete them, as in `eval fim`. In the
 * second both read the true text of each hole in its place, and their predictions are held
 * against each other token by token: Kullback-Leibler divergence and how often the likeliest
 * token is the same, over the middle (its end included) and over the text just in front of
 * it. That needs one vocabulary; models of different ones are compared by bits per byte and
 * exact match alone.
 */
#include "lsp/cli/eval/compare.h"
#include "grammars/grammars.h"
#include "lsp/cli/eval/truth.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_TOKENS = 128 };

/* Where a token stands. */
enum part { MIDDLE, TEXT, PARTS };

/* Sums over the tokens of one hole, by part. */
struct sums {
    double bits[2][PARTS], bytes[2][PARTS]; /* of A and B; predicted text tokens alone */
    double divergence[PARTS], same[PARTS], positions[PARTS];
};

struct comparison {
    struct cli_contest contest;
    struct cli_truth side[2];
    bool one_vocabulary;
    struct sums *sums; /* [n_holes] */
    size_t skipped;    /* holes whose middle does not fit the window */
};

/* ---- Tokens ------------------------------------------------------------------------------- */

static bool vocabularies_agree(const struct eng_model *a, const struct eng_model *b)
{
    const struct eng_model_info *x = eng_model_info(a), *y = eng_model_info(b);
    if (x->vocab != y->vocab || x->fim_order != y->fim_order) return false;
    for (int32_t id = 0; (uint32_t)id < x->vocab; id++) {
        size_t n, m;
        const char *s = eng_token_text(a, id, &n), *t = eng_token_text(b, id, &m);
        if (!s != !t || (s && (n != m || memcmp(s, t, n) != 0))) return false;
    }
    return true;
}

/* Bits and bytes of the tokens that the side's rows predict. */
static void add_bits(const struct cli_truth *s, int which, struct sums *out)
{
    for (uint32_t at = s->first; at + 1 < s->prompt.length; at++) {
        size_t len, i = at - s->first;
        int32_t next = s->prompt.inputs[at + 1].id;
        if (!eng_token_text(s->model, next, &len)) continue;
        enum part part = at + 1 >= s->middle ? MIDDLE : TEXT;
        out->bits[which][part] +=
            (s->rows[i].log_sum - s->logits[i * s->vocab + (size_t)next]) / log(2.0);
        out->bytes[which][part] += (double)len;
    }
}

static void add_divergence(const struct cli_truth *a, const struct cli_truth *b, struct sums *out)
{
    for (uint32_t at = a->first; at < a->prompt.length; at++) {
        const float *x = a->logits + (size_t)(at - a->first) * a->vocab;
        const float *y = b->logits + (size_t)(at - b->first) * b->vocab;
        const struct cli_row *row_x = &a->rows[at - a->first], *row_y = &b->rows[at - b->first];
        double sum_x = row_x->log_sum, sum_y = row_y->log_sum, divergence = 0;
        for (size_t i = 0; i < a->vocab; i++) {
            float p = expf(x[i] - (float)sum_x);
            if (p > 0) divergence += (double)p * ((x[i] - sum_x) - (y[i] - sum_y));
        }
        enum part part = at + 1 >= a->middle ? MIDDLE : TEXT;
        out->divergence[part] += divergence > 0 ? divergence : 0;
        out->same[part] += row_x->top == row_y->top;
        out->positions[part]++;
    }
}

/* ---- The pass over tokens ------------------------------------------------------------------ */

static enum eng_status measure_hole(struct comparison *c, const struct cli_hole *hole,
                                    struct sums *out, struct eng_error *err)
{
    struct cli_case open;
    if (!cli_case_open(hole, &open)) return ENG_NO_MEMORY;
    enum eng_status status = ENG_OK;
    bool built[2] = {false, false};
    for (int k = 0; status == ENG_OK && k < 2; k++) {
        status = cli_truth_build(&c->side[k], &open, c->contest.eval, err);
        built[k] = status == ENG_OK;
    }
    for (int k = 0; status == ENG_OK && k < 2; k++) {
        status = cli_truth_read(&c->side[k], TEXT_TOKENS, err);
        if (status == ENG_OK) add_bits(&c->side[k], k, out);
    }
    if (status == ENG_OK && c->one_vocabulary) add_divergence(&c->side[0], &c->side[1], out);
    if (status == ENG_BAD_INPUT) { /* the truth is longer than the window has room for */
        memset(out, 0, sizeof *out);
        c->skipped++;
        status = ENG_OK;
    }
    for (int k = 0; k < 2; k++)
        if (built[k]) asst_prompt_free(&c->side[k].prompt);
    cli_case_close(&open);
    return status;
}

static bool measure_tokens(struct comparison *c)
{
    struct cli_eval *eval = c->contest.eval;
    struct eng_error err = {"out of memory"};
    c->sums = calloc(c->contest.n_holes, sizeof *c->sums);
    if (!c->sums) return cli_fail("out of memory for the evaluation"), false;
    for (int k = 0; k < 2; k++)
        if (!cli_truth_open(eval->cli, eval->models.values[k], &c->side[k])) return false;
    c->one_vocabulary = vocabularies_agree(c->side[0].model, c->side[1].model);
    for (size_t i = 0; i < c->contest.n_holes; i++) {
        const struct cli_hole *hole = &c->contest.holes[i];
        cli_progress(eval->cli, "tokens: hole %zu of %zu", i + 1, c->contest.n_holes);
        if (measure_hole(c, hole, &c->sums[i], &err) == ENG_OK) continue;
        cli_progress_end(eval->cli);
        cli_fail("%s: %s", hole->file->path, err.text);
        return false;
    }
    cli_progress_end(eval->cli);
    return true;
}

/* Both have to see the same window: that of the smaller context. */
static bool agree_on_context(struct cli_eval *eval)
{
    for (size_t k = 0; k < 2; k++) {
        struct eng_model *model;
        if (!cli_open_model(eval->cli, eval->models.values[k], &model)) return false;
        long context = (long)eng_model_info(model)->context;
        if (eval->context == 0 || context < eval->context) eval->context = context;
        eng_model_close(model);
    }
    return true;
}

/* ---- Measures ------------------------------------------------------------------------------ */

enum figure {
    BITS_A,
    BITS_B,
    BITS_DIFFERENCE,
    DIVERGENCE,
    SAME,
    EXACT_LOSS, /* (A - B) / A, of raw answers */
};

static struct cli_interval figure_of(const struct comparison *c, enum figure figure, enum part part,
                                     size_t from, size_t to)
{
    struct cli_interval out = {0, 0, 0};
    size_t n = to - from;
    double *values = malloc(2 * n * sizeof *values), *weights = values + n;
    for (size_t i = 0; values && i < n; i++) {
        const struct sums *s = &c->sums[from + i];
        double a = c->contest.answers[0][from + i].raw.exact;
        double b = c->contest.answers[1][from + i].raw.exact;
        switch (figure) {
        case BITS_A:
        case BITS_B:
            values[i] = s->bits[figure == BITS_B][part];
            weights[i] = s->bytes[figure == BITS_B][part];
            break;
        case BITS_DIFFERENCE:
            values[i] = s->bits[1][part] - s->bits[0][part];
            weights[i] = s->bytes[0][part];
            break;
        case DIVERGENCE:
        case SAME:
            values[i] = figure == SAME ? s->same[part] : s->divergence[part];
            weights[i] = s->positions[part];
            break;
        case EXACT_LOSS:
            values[i] = a - b;
            weights[i] = a;
            break;
        }
    }
    if (values)
        out = cli_bootstrap(values, weights, c->contest.cluster + from, n,
                            (uint64_t)c->contest.eval->seed);
    free(values);
    return out;
}

/* ---- Reports ------------------------------------------------------------------------------- */

static void print_pair(const char *what, struct cli_interval a, struct cli_interval b,
                       struct cli_interval difference, double unit, int digits)
{
    printf("%-26s %*.*f  %*.*f   %+.*f [%+.*f, %+.*f]\n", what, 10, digits, unit * a.mean, 10,
           digits, unit * b.mean, digits, unit * difference.mean, digits, unit * difference.low,
           digits, unit * difference.high);
}

static void print_rows(const struct comparison *c, const char *name, size_t from, size_t to)
{
    const struct cli_contest *t = &c->contest;
    printf("%s: %zu holes of %zu packages\n", name, to - from, cli_contest_packages(t, from, to));
    static const char *const parts[PARTS] = {"bits per byte, middles", "bits per byte, text"};
    for (int p = 0; p < PARTS; p++) {
        /* With two vocabularies the bytes before the middle are not the same ones. */
        struct cli_interval difference = {0, 0, 0};
        if (c->one_vocabulary || p == MIDDLE)
            difference = figure_of(c, BITS_DIFFERENCE, (enum part)p, from, to);
        print_pair(parts[p], figure_of(c, BITS_A, (enum part)p, from, to),
                   figure_of(c, BITS_B, (enum part)p, from, to), difference, 1, 4);
    }
    for (int served = 0; served < 2; served++)
        print_pair(served ? "exact match served, %" : "exact match, %",
                   cli_contest_interval(t, 0, 0, CLI_EXACT, served, from, to),
                   cli_contest_interval(t, 1, 1, CLI_EXACT, served, from, to),
                   cli_contest_interval(t, 1, 0, CLI_EXACT, served, from, to), 100, 1);
    struct cli_interval loss = figure_of(c, EXACT_LOSS, MIDDLE, from, to);
    printf("%-26s %10s  %10s   %.1f%% [%.1f, %.1f]\n", "  relative loss", "", "", 100 * loss.mean,
           100 * loss.low, 100 * loss.high);
    for (int p = 0; c->one_vocabulary && p < PARTS; p++) {
        struct cli_interval kl = figure_of(c, DIVERGENCE, (enum part)p, from, to);
        struct cli_interval same = figure_of(c, SAME, (enum part)p, from, to);
        const char *part = p == MIDDLE ? "middles" : "text";
        printf("KL(A||B), %-7s  %.5f [%.5f, %.5f] nats a token; same likeliest token "
               "%.2f%% [%.2f, %.2f]\n",
               part, kl.mean, kl.low, kl.high, 100 * same.mean, 100 * same.low, 100 * same.high);
    }
}

static void print_text(const struct comparison *c)
{
    const struct cli_contest *t = &c->contest;
    printf("A  %s\nB  %s\n", t->name[0], t->name[1]);
    printf("window of %ld tokens", t->eval->context);
    if (c->skipped) printf("; %zu holes too long for it left out of the token figures", c->skipped);
    if (!c->one_vocabulary) printf("; the vocabularies differ, so no figures token by token");
    printf("\n\n%-26s %10s  %10s   %s\n", "", "A", "B", "B - A [95 %]");
    for (size_t from = 0, to; cli_contest_language(t, from, &to); from = to)
        print_rows(c, t->holes[from].file->lang->id, from, to);
    print_rows(c, "all", 0, t->n_holes);
}

static void add_language(const struct comparison *c, cJSON *languages, const char *name,
                         size_t from, size_t to)
{
    const struct cli_contest *t = &c->contest;
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "language", name);
    cJSON_AddNumberToObject(row, "samples", (double)(to - from));
    cJSON_AddNumberToObject(row, "packages", (double)cli_contest_packages(t, from, to));
    for (int p = 0; p < PARTS; p++) {
        enum part part = (enum part)p;
        cJSON *out = cJSON_AddObjectToObject(row, p == MIDDLE ? "middles" : "text");
        cli_add_interval(out, "bits_per_byte_a", figure_of(c, BITS_A, part, from, to));
        cli_add_interval(out, "bits_per_byte_b", figure_of(c, BITS_B, part, from, to));
        if (c->one_vocabulary || p == MIDDLE)
            cli_add_interval(out, "bits_per_byte_difference",
                             figure_of(c, BITS_DIFFERENCE, part, from, to));
        if (!c->one_vocabulary) continue;
        cli_add_interval(out, "divergence", figure_of(c, DIVERGENCE, part, from, to));
        cli_add_interval(out, "same_top", figure_of(c, SAME, part, from, to));
    }
    for (int served = 0; served < 2; served++) {
        cJSON *out = cJSON_AddObjectToObject(row, served ? "served" : "raw");
        cli_add_interval(out, "exact_a",
                         cli_contest_interval(t, 0, 0, CLI_EXACT, served, from, to));
        cli_add_interval(out, "exact_b",
                         cli_contest_interval(t, 1, 1, CLI_EXACT, served, from, to));
        cli_add_interval(out, "exact_difference",
                         cli_contest_interval(t, 1, 0, CLI_EXACT, served, from, to));
    }
    cli_add_interval(row, "relative_loss", figure_of(c, EXACT_LOSS, MIDDLE, from, to));
    cJSON_AddItemToArray(languages, row);
}

static cJSON *document_of(const struct comparison *c)
{
    const struct cli_contest *t = &c->contest;
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "a", t->name[0]);
    cJSON_AddStringToObject(root, "b", t->name[1]);
    cJSON_AddNumberToObject(root, "seed", (double)t->eval->seed);
    cJSON_AddNumberToObject(root, "context", (double)t->eval->context);
    cJSON_AddStringToObject(root, "kind", cli_hole_kind_name(t->eval->kind));
    cJSON_AddBoolToObject(root, "one_vocabulary", c->one_vocabulary);
    cJSON_AddNumberToObject(root, "skipped", (double)c->skipped);
    cJSON *languages = cJSON_AddArrayToObject(root, "languages");
    for (size_t from = 0, to; cli_contest_language(t, from, &to); from = to)
        add_language(c, languages, t->holes[from].file->lang->id, from, to);
    add_language(c, languages, "all", 0, t->n_holes);
    return root;
}

bool cli_compare(struct cli_eval *eval, const char *a, const char *b, const char *const *paths,
                 size_t n_paths, cJSON **document)
{
    eval->models = (struct cli_list){{a, b}, 2};
    if (!agree_on_context(eval) || !cli_corpus_open(paths, n_paths, &eval->corpus)) return false;
    struct comparison c = {.skipped = 0};
    bool ok =
        cli_contest_draw(eval, &c.contest) && cli_contest_run(&c.contest) && measure_tokens(&c);
    if (ok && document)
        *document = document_of(&c);
    else if (ok)
        print_text(&c);
    free(c.sums);
    cli_truth_close(&c.side[0]);
    cli_truth_close(&c.side[1]);
    cli_contest_close(&c.contest);
    cli_corpus_close(&eval->corpus);
    return ok;
}

static const char help[] =
    "usage: espalier model compare A B [OPTION]... DIR|FILE...\n"
    "\n"
    "What model B loses against model A on holes in held-out files: bits per byte, exact match\n"
    "and its relative loss, and, where both have one vocabulary, the mean divergence KL(A||B)\n"
    "and how often the likeliest token is the same, over the middles and over the text in\n"
    "front of them. Intervals are 95 % paired bootstraps over packages.\n"
    "\n"
    "  --n N             holes of each language (default 100)\n"
    "  --seed N          of the choice of holes (default 1)\n"
    "  --kind KIND       line (default), multi or span\n"
    "  --context N       tokens of the window (default: the smaller of the models')\n"
    "  --outline N       up to N of them for lines that the tree chooses (see eval --help)\n"
    "  --json            one JSON document\n";

int cli_model_compare(struct cli *cli, int argc, char **argv)
{
    struct cli_eval eval = {.cli = cli, .seed = 1, .outline = -1};
    const char *kind = NULL;
    const struct cli_option options[] = {{"--n", CLI_INT, &eval.n, 1, 1000000},
                                         {"--seed", CLI_INT, &eval.seed, 0, 2147483647},
                                         {"--kind", CLI_TEXT, &kind, 0, 0},
                                         {"--context", CLI_INT, &eval.context, 64, 1048576},
                                         {"--outline", CLI_INT, &eval.outline, 0, 1048576},
                                         {"--json", CLI_FLAG, &eval.json, 0, 0},
                                         {0}};
    static const char *words[CLI_MAX_WORDS];
    size_t n_words;
    if (!cli_parse(cli, options, argc, argv, words, CLI_MAX_WORDS, &n_words)) return CLI_ERROR;
    if (cli->help) {
        fputs(help, stdout);
        return CLI_OK;
    }
    if (n_words < 3)
        return cli_fail("model compare needs two models and held-out files or folders");
    if (kind && !cli_hole_kind_of(kind, &eval.kind))
        return cli_fail("--kind takes line, multi or span, not \"%s\"", kind);
    cJSON *document = NULL;
    if (!cli_compare(&eval, words[0], words[1], words + 2, n_words - 2,
                     eval.json ? &document : NULL))
        return CLI_ERROR;
    if (document) cli_print_json(document);
    return CLI_OK;
}
