/* contest.c: drawing, asking and the means.
 *
 * Keeps every answer until the end: differences between contestants are judged hole by hole.
 */
#include "lsp/cli/eval/contest.h"
#include "grammars/grammars.h"
#include "lsp/assist/ngram.h"
#include "lsp/cli/eval/workspace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_N = 100, NGRAM_ANSWER_MAX = 1024 };

static bool out_of_memory(void)
{
    cli_fail("out of memory for the evaluation");
    return false;
}

/* ---- Holes ------------------------------------------------------------------------------ */

bool cli_contest_draw(struct cli_eval *eval, struct cli_contest *c)
{
    *c = (struct cli_contest){.eval = eval};
    size_t wanted = eval->n ? (size_t)eval->n : DEFAULT_N, first, last;
    c->holes = malloc(wanted * gram_count() * sizeof *c->holes);
    if (!c->holes) return out_of_memory();
    for (size_t i = 0; i < gram_count(); i++) {
        uint64_t seed = (uint64_t)eval->seed * 1000003u + i;
        if (cli_corpus_range(&eval->corpus, gram_at(i), &first, &last) &&
            !cli_holes_draw(&eval->corpus, first, last, eval->kind, wanted, (size_t)eval->behind,
                            seed, c->holes, &c->n_holes))
            return out_of_memory();
    }
    if (c->n_holes == 0) {
        cli_fail("the files hold no place to make a hole in");
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

void cli_contest_close(struct cli_contest *c)
{
    for (size_t k = 0; k < c->n_contestants; k++) {
        for (size_t i = 0; i < c->n_holes; i++) {
            free(c->answers[k][i].raw_text);
            free(c->answers[k][i].served_text);
        }
        free(c->answers[k]);
    }
    free(c->holes);
    free(c->ones);
    free(c->cluster);
    memset(c, 0, sizeof *c);
}

bool cli_contest_language(const struct cli_contest *c, size_t from, size_t *to)
{
    for (*to = from; *to < c->n_holes && c->holes[*to].file->lang == c->holes[from].file->lang;)
        (*to)++;
    return *to > from;
}

size_t cli_contest_packages(const struct cli_contest *c, size_t from, size_t to)
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

/* ---- Answers ---------------------------------------------------------------------------- */

/* Scores and keeps raw[raw_len] and served[served_len]. */
static bool take_answer(struct cli_case *open, const char *raw, size_t raw_len, const char *served,
                        size_t served_len, struct cli_answer *answer)
{
    bool same = raw_len == served_len && memcmp(raw, served, raw_len) == 0;
    bool ok = cli_case_score(open, raw, raw_len, &answer->raw);
    answer->shown = served_len > 0;
    if (same && answer->shown)
        answer->served = answer->raw;
    else if (ok && answer->shown)
        ok = cli_case_score(open, served, served_len, &answer->served);
    answer->raw_text = malloc(raw_len + 1);
    answer->served_text = answer->shown ? malloc(served_len + 1) : NULL;
    if (!ok || !answer->raw_text || (answer->shown && !answer->served_text)) return false;
    memcpy(answer->raw_text, raw, raw_len);
    answer->raw_text[raw_len] = 0;
    if (!answer->shown) return true;
    memcpy(answer->served_text, served, served_len);
    answer->served_text[served_len] = 0;
    return true;
}

/* A model, and what of other files it is shown. */
struct contestant {
    const struct cli_eval *eval;
    struct eng_model *model;
    struct eng_session *session;
    struct cli_workspace *workspace; /* NULL: nothing */
    unsigned sources;
};

/* One model's answer to one hole. */
static bool ask_model(const struct contestant *who, const struct cli_hole *hole,
                      struct cli_answer *answer)
{
    const struct cli_eval *eval = who->eval;
    const struct eng_model *model = who->model;
    struct cli_case open;
    if (!cli_case_open(hole, &open)) return out_of_memory();
    struct asst_prompt_options sizes;
    struct asst_request request;
    cli_case_request(&open, model, eval, &sizes, &request);
    struct asst_extra extra;
    struct asst_shelf *shelf = NULL;
    const char *package = eval->corpus.packages[hole->file->package];
    bool selected = !who->workspace ||
                    (cli_workspace_select(who->workspace, &open, package, who->sources, &extra) &&
                     (!(who->sources & IDX_NEAR) ||
                      cli_workspace_shelf(who->workspace, &open, package, model, &shelf)));
    if (!selected) {
        cli_case_close(&open);
        return out_of_memory();
    }
    if (who->workspace) request.extra = &extra;
    request.shelf = shelf;
    struct asst_job *job = NULL;
    struct asst_result result = {0};
    struct eng_error err = {"out of memory"};
    double began = cli_now_ms();
    enum eng_status status = asst_complete_prepare(model, &request, &job, &err);
    if (status == ENG_OK) status = asst_complete_run(who->session, job, NULL, &result, &err);
    answer->ms = cli_now_ms() - began;
    bool ok = status == ENG_OK;
    if (!ok) {
        cli_fail("%s: %s", hole->file->path, err.text);
    } else {
        const struct asst_item *item = result.count ? &result.items[0] : NULL;
        if (item) answer->confidence = item->confidence;
        if (item) answer->evidence = item->evidence;
        ok = take_answer(&open, result.raw ? result.raw : "", result.raw_len,
                         item ? item->text : "", item ? item->len : 0, answer);
        if (!ok) out_of_memory();
    }
    asst_result_free(&result);
    asst_job_free(job);
    asst_shelf_release(shelf);
    cli_case_close(&open);
    return ok;
}

static bool run_model(struct cli_contest *c, const char *path, const char *sources,
                      struct cli_answer *answers, char name[96])
{
    struct cli_eval *eval = c->eval;
    struct contestant who = {.eval = eval};
    struct eng_error err = {"out of memory"};
    if (sources && !idx_sources_of(sources, &who.sources)) {
        cli_fail("--sources takes used, recent, pair, siblings, near, all or none, not \"%s\"",
                 sources);
        return false;
    }
    if (!cli_open_model(eval->cli, path, &who.model)) return false;
    bool ok = eng_session_new(who.model, 0, &who.session, &err) == ENG_OK;
    if (ok && who.sources) ok = (who.workspace = cli_workspace_open()) != NULL;
    if (!ok) cli_fail("%s", err.text);
    snprintf(name, 96, "%s%s%s", path ? cli_base_name(path) : "default", sources ? " " : "",
             sources ? sources : "");
    for (size_t i = 0; ok && i < c->n_holes; i++) {
        cli_progress(eval->cli, "%s: hole %zu of %zu", name, i + 1, c->n_holes);
        ok = ask_model(&who, &c->holes[i], &answers[i]);
    }
    cli_progress_end(eval->cli);
    cli_workspace_close(who.workspace);
    eng_session_free(who.session);
    cli_log_attended(eval->cli, who.model);
    eng_model_close(who.model);
    return ok;
}

/* ---- The baseline ----------------------------------------------------------------------- */

/* Teaches the files of one language, in order, as far as there is room. */
static void teach(struct cli_eval *eval, struct asst_ngram *ngram, struct cli_corpus *train,
                  const struct gram_language *lang)
{
    size_t first, last;
    if (!cli_corpus_range(train, lang, &first, &last)) return;
    for (size_t i = first; i < last && !asst_ngram_is_full(ngram); i++) {
        struct cli_file *file = &train->files[i];
        cli_progress(eval->cli, "ngram: %s: file %zu of %zu", lang->id, i - first + 1,
                     last - first);
        if (!cli_corpus_load(train, file)) continue;
        asst_ngram_learn(ngram, file->text, file->len);
        cli_corpus_unload(file);
    }
    cli_progress_end(eval->cli);
}

static bool ask_ngram(struct asst_ngram *ngram, const struct cli_hole *hole,
                      struct cli_answer *answer)
{
    char text[NGRAM_ANSWER_MAX];
    const struct cli_file *file = hole->file;
    struct cli_case open;
    if (!cli_case_open(hole, &open)) return out_of_memory();
    double began = cli_now_ms();
    size_t len = asst_ngram_complete(ngram, file->text, hole->start, file->text + hole->suffix,
                                     file->len - hole->suffix, text, sizeof text);
    answer->ms = cli_now_ms() - began;
    bool ok = take_answer(&open, text, len, text, len, answer);
    cli_case_close(&open);
    return ok || out_of_memory();
}

static bool run_baseline(struct cli_contest *c, struct cli_answer *answers)
{
    struct cli_eval *eval = c->eval;
    struct cli_corpus train = {0};
    bool ok = true;
    if (eval->train.count && !cli_corpus_open(eval->train.values, eval->train.count, &train))
        return false;
    for (size_t from = 0, to; ok && cli_contest_language(c, from, &to); from = to) {
        struct asst_ngram *ngram = asst_ngram_new();
        if (!ngram) {
            ok = out_of_memory();
            break;
        }
        if (eval->train.count) teach(eval, ngram, &train, c->holes[from].file->lang);
        for (size_t i = from; ok && i < to; i++)
            ok = ask_ngram(ngram, &c->holes[i], &answers[i]);
        asst_ngram_free(ngram);
    }
    cli_corpus_close(&train);
    return ok;
}

bool cli_contest_run(struct cli_contest *c)
{
    struct cli_eval *eval = c->eval;
    size_t models = eval->models.count, sources = eval->sources.count ? eval->sources.count : 1;
    /* With only the baseline asked for, no model need exist. */
    bool use_default = models == 0 && !eval->baseline;
    size_t asked = (models + use_default) * sources, total = asked + (eval->baseline != NULL);
    if (total > CLI_MAX_CONTESTANTS) {
        cli_fail("more than %d contestants", CLI_MAX_CONTESTANTS);
        return false;
    }
    for (size_t k = 0; k < total; k++) {
        struct cli_answer *answers = calloc(c->n_holes, sizeof *answers);
        if (!answers) return out_of_memory();
        c->answers[c->n_contestants++] = answers;
        bool ok;
        if (k < asked) {
            const char *from = eval->sources.count ? eval->sources.values[k % sources] : NULL;
            ok = run_model(c, models ? eval->models.values[k / sources] : NULL, from, answers,
                           c->name[k]);
        } else {
            snprintf(c->name[k], sizeof c->name[k], "ngram");
            ok = run_baseline(c, answers);
        }
        if (!ok) return false;
    }
    return true;
}

/* ---- Means ------------------------------------------------------------------------------ */

static double weight_of(const struct cli_answer *answer, enum cli_measure measure, bool served)
{
    bool of_shown = served && (measure == CLI_VALID || measure == CLI_FITS);
    return measure == CLI_RIGHT || of_shown ? answer->shown : 1;
}

static double value_of(const struct cli_answer *answer, enum cli_measure measure, bool served)
{
    const struct cli_score *score = served ? &answer->served : &answer->raw;
    switch (measure) {
    case CLI_EXACT:
    case CLI_RIGHT:
        return score->exact;
    case CLI_SIMILARITY:
        return score->similarity;
    case CLI_VALID:
        return score->valid;
    case CLI_FITS:
        return score->fits;
    case CLI_SHOWN:
        return answer->shown;
    default:
        return answer->ms;
    }
}

struct cli_interval cli_contest_interval(const struct cli_contest *c, size_t k, size_t minus,
                                         enum cli_measure measure, bool served, size_t from,
                                         size_t to)
{
    struct cli_interval out = {0, 0, 0};
    double *values = malloc((to - from) * sizeof *values);
    double *weights = malloc((to - from) * sizeof *weights);
    for (size_t i = from; values && weights && i < to; i++) {
        values[i - from] = value_of(&c->answers[k][i], measure, served);
        weights[i - from] = weight_of(&c->answers[k][i], measure, served);
        if (minus != k) values[i - from] -= value_of(&c->answers[minus][i], measure, served);
    }
    if (values && weights)
        out = cli_bootstrap(values, weights, c->cluster + from, to - from, (uint64_t)c->eval->seed);
    free(values);
    free(weights);
    return out;
}
