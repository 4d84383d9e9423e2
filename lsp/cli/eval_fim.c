/* eval_fim.c: `espalier eval fim`.
 *
 * Owns the contest: the same holes for every contestant, scores by hole, and the table of
 * means with their intervals. What a model is asked goes through lsp/assist/complete.h, as
 * in the editor. It deliberately keeps every score until the end: differences between
 * contestants are judged hole by hole.
 */
#include "grammars/grammars.h"
#include "lsp/assist/complete.h"
#include "lsp/assist/ngram.h"
#include "lsp/cli/eval.h"
#include "lsp/cli/holes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_N = 100, MAX_CONTESTANTS = 17, ANSWER_MAX = 1024, TOKENS_MAX = 64 };

struct score {
    double exact, similarity, ms;
};

struct contest {
    struct cli_eval *eval;
    struct cli_hole *holes;
    double *ones;      /* [n_holes]: weights */
    uint32_t *cluster; /* [n_holes] */
    size_t n_holes;
    const char *name[MAX_CONTESTANTS];
    struct score *scores[MAX_CONTESTANTS]; /* [n_holes] each */
    size_t n_contestants;
};

static bool out_of_memory(void)
{
    cli_fail("out of memory for the evaluation");
    return false;
}

/* ---- Answers -------------------------------------------------------------------------- */

static void take_score(struct score *score, const struct cli_hole *hole, const char *answer,
                       size_t len)
{
    const char *truth = hole->file->text + hole->start;
    size_t truth_len = hole->end - hole->start;
    while (len > 0 && (answer[len - 1] == ' ' || answer[len - 1] == '\t'))
        len--;
    score->exact = len == truth_len && memcmp(answer, truth, len) == 0;
    score->similarity = cli_edit_similarity(answer, len, truth, truth_len);
}

/* The file without the truth: what an editor would hold. */
static struct syn_document *open_with_hole(const struct cli_hole *hole)
{
    const struct cli_file *file = hole->file;
    size_t right = file->len - hole->line_end;
    char *text = malloc(hole->start + right + 1);
    struct syn_document *doc = NULL;
    if (!text) return NULL;
    memcpy(text, file->text, hole->start);
    memcpy(text + hole->start, file->text + hole->line_end, right);
    struct syn_error err;
    if (syn_document_new(file->lang, text, hole->start + right, &doc, &err) == SYN_OK &&
        syn_document_parse(doc, 0, &err) != SYN_OK) {
        syn_document_free(doc);
        doc = NULL;
    }
    free(text);
    return doc;
}

/* One model's answer to one hole. */
static bool ask_model(const struct cli_eval *eval, const struct eng_model *model,
                      struct eng_session *session, const struct cli_hole *hole, struct score *score)
{
    struct syn_document *doc = open_with_hole(hole);
    if (!doc) return out_of_memory();
    struct asst_prompt_options sizes;
    asst_prompt_defaults(model, &sizes);
    if (eval->context && (uint32_t)eval->context < sizes.budget)
        sizes.budget = (uint32_t)eval->context;
    struct asst_request request = {.doc = doc,
                                   .cursor = hole->start,
                                   .scope = ASST_SCOPE_LINE,
                                   .max_tokens = TOKENS_MAX,
                                   .sizes = &sizes};
    struct asst_job *job = NULL;
    struct asst_result result = {0};
    struct eng_error err = {"out of memory"};
    double began = cli_now_ms();
    enum eng_status status = asst_complete_prepare(model, &request, &job, &err);
    if (status == ENG_OK) status = asst_complete_run(session, job, NULL, &result, &err);
    score->ms = cli_now_ms() - began;
    if (status != ENG_OK)
        cli_fail("%s: %s", hole->file->path, err.text);
    else if (!eval->served)
        take_score(score, hole, result.raw_len ? result.raw : "", result.raw_len);
    else if (result.count)
        take_score(score, hole, result.items[0].text, result.items[0].len);
    asst_result_free(&result);
    asst_job_free(job);
    syn_document_free(doc);
    return status == ENG_OK;
}

static bool run_model(struct contest *c, const char *path, struct score *scores, const char **name)
{
    struct cli_eval *eval = c->eval;
    struct eng_model *model = NULL;
    struct eng_session *session = NULL;
    struct eng_error err = {"out of memory"};
    if (!cli_open_model(eval->cli, path, &model)) return false;
    bool ok = eng_session_new(model, 0, &session, &err) == ENG_OK;
    if (!ok) cli_fail("%s", err.text);
    *name = path ? cli_base_name(path) : "default";
    for (size_t i = 0; ok && i < c->n_holes; i++) {
        cli_progress(eval->cli, "%s: hole %zu of %zu", *name, i + 1, c->n_holes);
        ok = ask_model(eval, model, session, &c->holes[i], &scores[i]);
    }
    cli_progress_end(eval->cli);
    eng_session_free(session);
    eng_model_close(model);
    return ok;
}

/* ---- The baseline --------------------------------------------------------------------- */

/* Teaches the files of one language, in order, as far as there is room. */
static bool teach(struct cli_eval *eval, struct asst_ngram *ngram, struct cli_corpus *train,
                  const struct gram_language *lang)
{
    size_t first, last;
    if (!cli_corpus_range(train, lang, &first, &last)) return true;
    for (size_t i = first; i < last && !asst_ngram_is_full(ngram); i++) {
        struct cli_file *file = &train->files[i];
        cli_progress(eval->cli, "ngram: %s: file %zu of %zu", lang->id, i - first + 1,
                     last - first);
        if (!cli_corpus_load(train, file)) continue;
        asst_ngram_learn(ngram, file->text, file->len);
        cli_corpus_unload(file);
    }
    cli_progress_end(eval->cli);
    return true;
}

static void ask_ngram(struct asst_ngram *ngram, const struct cli_hole *hole, struct score *score)
{
    char answer[ANSWER_MAX];
    const struct cli_file *file = hole->file;
    double began = cli_now_ms();
    size_t len = asst_ngram_complete(ngram, file->text, hole->start, file->text + hole->line_end,
                                     file->len - hole->line_end, answer, sizeof answer);
    score->ms = cli_now_ms() - began;
    take_score(score, hole, answer, len);
}

static bool run_baseline(struct contest *c, struct score *scores)
{
    struct cli_eval *eval = c->eval;
    struct cli_corpus train = {0};
    if (eval->train.count && !cli_corpus_open(eval->train.values, eval->train.count, &train))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < c->n_holes;) {
        const struct gram_language *lang = c->holes[i].file->lang;
        struct asst_ngram *ngram = asst_ngram_new();
        ok = ngram ? teach(eval, ngram, &train, lang) : out_of_memory();
        for (; ok && i < c->n_holes && c->holes[i].file->lang == lang; i++)
            ask_ngram(ngram, &c->holes[i], &scores[i]);
        asst_ngram_free(ngram);
    }
    cli_corpus_close(&train);
    return ok;
}

/* ---- The contest ---------------------------------------------------------------------- */

static bool draw_holes(struct contest *c)
{
    struct cli_eval *eval = c->eval;
    size_t wanted = eval->n ? (size_t)eval->n : DEFAULT_N, first, last;
    c->holes = malloc(wanted * gram_count() * sizeof *c->holes);
    if (!c->holes) return out_of_memory();
    for (size_t i = 0; i < gram_count(); i++) {
        uint64_t seed = (uint64_t)eval->seed * 1000003u + i;
        if (cli_corpus_range(&eval->corpus, gram_at(i), &first, &last) &&
            !cli_holes_draw(&eval->corpus, first, last, wanted, seed, c->holes, &c->n_holes))
            return out_of_memory();
    }
    if (c->n_holes == 0) {
        cli_fail("the files hold no line to make a hole in");
        return false;
    }
    c->ones = malloc(c->n_holes * sizeof *c->ones);
    c->cluster = malloc(c->n_holes * sizeof *c->cluster);
    if (!c->ones || !c->cluster) return out_of_memory();
    for (size_t i = 0; i < c->n_holes; i++) {
        c->ones[i] = 1;
        c->cluster[i] = c->holes[i].file->package;
    }
    return true;
}

static bool run_contest(struct contest *c)
{
    struct cli_eval *eval = c->eval;
    size_t models = eval->models.count;
    /* With only the baseline asked for, no model need exist. */
    bool use_default = models == 0 && !eval->baseline;
    size_t total = models + use_default + (eval->baseline != NULL);
    for (size_t k = 0; k < total; k++) {
        struct score *scores = calloc(c->n_holes, sizeof *scores);
        if (!scores) return out_of_memory();
        c->scores[c->n_contestants++] = scores;
        bool ok;
        if (k < models + use_default)
            ok = run_model(c, models ? eval->models.values[k] : NULL, scores, &c->name[k]);
        else {
            c->name[k] = "ngram";
            ok = run_baseline(c, scores);
        }
        if (!ok) return false;
    }
    return true;
}

/* ---- The report ----------------------------------------------------------------------- */

enum measure { EXACT, SIMILARITY, MILLISECONDS };

static double value_of(const struct score *score, enum measure measure)
{
    return measure == EXACT ? score->exact : measure == SIMILARITY ? score->similarity : score->ms;
}

/* Interval of contestant k's measure over holes [from, to), or of its difference to
 * contestant `minus` when that is another one. */
static struct cli_interval interval_of(const struct contest *c, size_t k, size_t minus,
                                       enum measure measure, size_t from, size_t to)
{
    struct cli_interval out = {0, 0, 0};
    double *values = malloc((to - from) * sizeof *values);
    if (!values) return out;
    for (size_t i = from; i < to; i++) {
        values[i - from] = value_of(&c->scores[k][i], measure);
        if (minus != k) values[i - from] -= value_of(&c->scores[minus][i], measure);
    }
    out = cli_bootstrap(values, c->ones + from, c->cluster + from, to - from,
                        (uint64_t)c->eval->seed);
    free(values);
    return out;
}

static size_t count_packages(const struct contest *c, size_t from, size_t to)
{
    size_t n = 0;
    for (size_t i = from; i < to; i++) {
        bool seen = false;
        for (size_t k = from; k < i && !seen; k++)
            seen = c->cluster[k] == c->cluster[i];
        n += !seen;
    }
    return n;
}

static void report_json(const struct contest *c, cJSON *languages, const char *name, size_t from,
                        size_t to)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "language", name);
    cJSON_AddNumberToObject(row, "samples", (double)(to - from));
    cJSON_AddNumberToObject(row, "packages", (double)count_packages(c, from, to));
    cJSON *results = cJSON_AddArrayToObject(row, "results");
    for (size_t k = 0; k < c->n_contestants; k++) {
        cJSON *result = cJSON_CreateObject();
        cJSON_AddStringToObject(result, "model", c->name[k]);
        cli_add_interval(result, "exact", interval_of(c, k, k, EXACT, from, to));
        cli_add_interval(result, "similarity", interval_of(c, k, k, SIMILARITY, from, to));
        cJSON_AddNumberToObject(result, "ms", interval_of(c, k, k, MILLISECONDS, from, to).mean);
        if (k > 0) {
            cli_add_interval(result, "exact_difference", interval_of(c, k, 0, EXACT, from, to));
            cli_add_interval(result, "similarity_difference",
                             interval_of(c, k, 0, SIMILARITY, from, to));
        }
        cJSON_AddItemToArray(results, result);
    }
    cJSON_AddItemToArray(languages, row);
}

static void report_text(const struct contest *c, const char *name, size_t from, size_t to)
{
    for (size_t k = 0; k < c->n_contestants; k++) {
        struct cli_interval e = interval_of(c, k, k, EXACT, from, to);
        struct cli_interval s = interval_of(c, k, k, SIMILARITY, from, to);
        printf("%-11s %5zu %4zu  %-28.28s  %5.1f%% [%4.1f, %4.1f]  %.3f [%.3f, %.3f]  %7.1f\n",
               name, to - from, count_packages(c, from, to), c->name[k], 100 * e.mean, 100 * e.low,
               100 * e.high, s.mean, s.low, s.high,
               interval_of(c, k, k, MILLISECONDS, from, to).mean);
    }
}

static void report(const struct contest *c)
{
    cJSON *root = NULL, *languages = NULL;
    if (c->eval->json) {
        root = cJSON_CreateObject();
        cJSON_AddNumberToObject(root, "seed", (double)c->eval->seed);
        cJSON_AddBoolToObject(root, "served", c->eval->served);
        languages = cJSON_AddArrayToObject(root, "languages");
    } else {
        printf("%-11s %5s %4s  %-28s  %-20s  %-22s  %7s\n", "language", "holes", "pkgs", "model",
               "exact match", "edit similarity", "ms");
    }
    for (size_t from = 0, to; from < c->n_holes; from = to) {
        const struct gram_language *lang = c->holes[from].file->lang;
        for (to = from; to < c->n_holes && c->holes[to].file->lang == lang; to++)
            continue;
        if (root)
            report_json(c, languages, lang->id, from, to);
        else
            report_text(c, lang->id, from, to);
    }
    if (!root) {
        report_text(c, "all", 0, c->n_holes);
        return;
    }
    report_json(c, languages, "all", 0, c->n_holes);
    char *text = cJSON_Print(root);
    if (text) puts(text);
    cJSON_free(text);
    cJSON_Delete(root);
}

int cli_eval_fim(struct cli_eval *eval)
{
    struct contest c = {.eval = eval};
    bool ok = draw_holes(&c) && run_contest(&c);
    if (ok) report(&c);
    for (size_t k = 0; k < c.n_contestants; k++)
        free(c.scores[k]);
    free(c.holes);
    free(c.ones);
    free(c.cluster);
    return ok ? CLI_OK : CLI_ERROR;
}
