/* fim.c: `espalier eval fim`: the report of a contest, as a table or as JSON with one record
 * a hole.
 */
#include "grammars/grammars.h"
#include "lsp/cli/eval/contest.h"

#include <stdio.h>
#include <string.h>

/* ---- The table --------------------------------------------------------------------------- */

static void table_head(bool served)
{
    printf("%-11s %5s %4s  %-28s  %-20s  %-22s  %7s", "language", "holes", "pkgs", "model",
           "exact match", "edit similarity", "ms");
    puts(served ? "   valid    fits   shown   right" : "   valid    fits");
}

static void table_rows(const struct cli_contest *c, const char *name, size_t from, size_t to)
{
    bool served = c->eval->served;
    for (size_t k = 0; k < c->n_contestants; k++) {
        struct cli_interval e = cli_contest_interval(c, k, k, CLI_EXACT, served, from, to);
        struct cli_interval s = cli_contest_interval(c, k, k, CLI_SIMILARITY, served, from, to);
        printf("%-11s %5zu %4zu  %-28.28s  %5.1f%% [%4.1f, %4.1f]  %.3f [%.3f, %.3f]  %7.1f", name,
               to - from, cli_contest_packages(c, from, to), c->name[k], 100 * e.mean, 100 * e.low,
               100 * e.high, s.mean, s.low, s.high,
               cli_contest_interval(c, k, k, CLI_MILLISECONDS, served, from, to).mean);
        printf("  %5.1f%%  %5.1f%%",
               100 * cli_contest_interval(c, k, k, CLI_VALID, served, from, to).mean,
               100 * cli_contest_interval(c, k, k, CLI_FITS, served, from, to).mean);
        if (served)
            printf("  %5.1f%%  %5.1f%%",
                   100 * cli_contest_interval(c, k, k, CLI_SHOWN, served, from, to).mean,
                   100 * cli_contest_interval(c, k, k, CLI_RIGHT, served, from, to).mean);
        putchar('\n');
    }
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void add_measures(cJSON *out, const struct cli_contest *c, size_t k, bool served,
                         size_t from, size_t to)
{
    static const struct {
        const char *name;
        enum cli_measure measure;
        bool of_served;
    } measures[] = {{"exact", CLI_EXACT, false}, {"similarity", CLI_SIMILARITY, false},
                    {"valid", CLI_VALID, false}, {"fits", CLI_FITS, false},
                    {"shown", CLI_SHOWN, true},  {"right", CLI_RIGHT, true}};
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
        if (served || !measures[i].of_served)
            cli_add_interval(out, measures[i].name,
                             cli_contest_interval(c, k, k, measures[i].measure, served, from, to));
}

static void add_language(const struct cli_contest *c, cJSON *languages, const char *name,
                         size_t from, size_t to)
{
    bool served = c->eval->served;
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "language", name);
    cJSON_AddNumberToObject(row, "samples", (double)(to - from));
    cJSON_AddNumberToObject(row, "packages", (double)cli_contest_packages(c, from, to));
    cJSON *results = cJSON_AddArrayToObject(row, "results");
    for (size_t k = 0; k < c->n_contestants; k++) {
        cJSON *result = cJSON_CreateObject();
        cJSON_AddStringToObject(result, "model", c->name[k]);
        add_measures(result, c, k, served, from, to);
        add_measures(cJSON_AddObjectToObject(result, "raw"), c, k, false, from, to);
        add_measures(cJSON_AddObjectToObject(result, "served"), c, k, true, from, to);
        cJSON_AddNumberToObject(
            result, "ms", cli_contest_interval(c, k, k, CLI_MILLISECONDS, served, from, to).mean);
        if (k > 0) {
            cli_add_interval(result, "exact_difference",
                             cli_contest_interval(c, k, 0, CLI_EXACT, served, from, to));
            cli_add_interval(result, "similarity_difference",
                             cli_contest_interval(c, k, 0, CLI_SIMILARITY, served, from, to));
        }
        cJSON_AddItemToArray(results, result);
    }
    cJSON_AddItemToArray(languages, row);
}

static void add_text(cJSON *out, const char *name, const char *text)
{
    if (text)
        cJSON_AddStringToObject(out, name, text);
    else
        cJSON_AddNullToObject(out, name);
}

static void add_answer(cJSON *answers, const char *name, const struct cli_answer *answer,
                       bool served)
{
    const struct cli_score *score = served ? &answer->served : &answer->raw;
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "model", name);
    add_text(out, "answer", served ? answer->served_text : answer->raw_text);
    add_text(out, "raw", answer->raw_text);
    add_text(out, "served", answer->served_text);
    cJSON_AddBoolToObject(out, "exact", score->exact > 0);
    cJSON_AddNumberToObject(out, "similarity", score->similarity);
    cJSON_AddBoolToObject(out, "valid", score->valid > 0);
    cJSON_AddBoolToObject(out, "fits", score->fits > 0);
    if (answer->shown) {
        cJSON_AddNumberToObject(out, "confidence", answer->confidence);
        cJSON_AddItemToObject(out, "evidence",
                              cJSON_CreateFloatArray(answer->evidence.feature, ASST_FEATURES));
    } else {
        cJSON_AddNullToObject(out, "confidence");
    }
    cJSON_AddNumberToObject(out, "ms", answer->ms);
    cJSON_AddItemToArray(answers, out);
}

/* The truth, zero-terminated. */
static void add_truth(cJSON *out, const struct cli_hole *hole)
{
    char truth[CLI_HOLE_MAX_BYTES + 1];
    size_t len = hole->end - hole->start;
    if (len > CLI_HOLE_MAX_BYTES) len = CLI_HOLE_MAX_BYTES;
    memcpy(truth, hole->file->text + hole->start, len);
    truth[len] = 0;
    cJSON_AddStringToObject(out, "truth", truth);
}

static void add_holes(const struct cli_contest *c, cJSON *root)
{
    cJSON *holes = cJSON_AddArrayToObject(root, "holes");
    for (size_t i = 0; i < c->n_holes; i++) {
        const struct cli_hole *hole = &c->holes[i];
        cJSON *out = cJSON_CreateObject();
        cJSON_AddStringToObject(out, "file", hole->file->path);
        cJSON_AddStringToObject(out, "language", hole->file->lang->id);
        cJSON_AddStringToObject(out, "package", c->eval->corpus.packages[hole->file->package]);
        cJSON_AddStringToObject(out, "hole", cli_hole_kind_name(hole->kind));
        cJSON_AddNumberToObject(out, "start", (double)hole->start);
        cJSON_AddNumberToObject(out, "end", (double)hole->end);
        add_truth(out, hole);
        cJSON *answers = cJSON_AddArrayToObject(out, "answers");
        for (size_t k = 0; k < c->n_contestants; k++)
            add_answer(answers, c->name[k], &c->answers[k][i], c->eval->served);
        cJSON_AddItemToArray(holes, out);
    }
}

static void report_json(const struct cli_contest *c)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "seed", (double)c->eval->seed);
    cJSON_AddStringToObject(root, "kind", cli_hole_kind_name(c->eval->kind));
    cJSON_AddBoolToObject(root, "served", c->eval->served);
    if (c->eval->outline >= 0) cJSON_AddNumberToObject(root, "outline", (double)c->eval->outline);
    cJSON_AddNumberToObject(root, "behind", (double)c->eval->behind);
    cJSON *languages = cJSON_AddArrayToObject(root, "languages");
    for (size_t from = 0, to; cli_contest_language(c, from, &to); from = to)
        add_language(c, languages, c->holes[from].file->lang->id, from, to);
    add_language(c, languages, "all", 0, c->n_holes);
    add_holes(c, root);
    cli_print_json(root);
}

int cli_eval_fim(struct cli_eval *eval)
{
    struct cli_contest c;
    bool ok = cli_contest_draw(eval, &c) && cli_contest_run(&c);
    if (ok && eval->json) {
        report_json(&c);
    } else if (ok) {
        table_head(eval->served);
        for (size_t from = 0, to; cli_contest_language(&c, from, &to); from = to)
            table_rows(&c, c.holes[from].file->lang->id, from, to);
        table_rows(&c, "all", 0, c.n_holes);
    }
    cli_contest_close(&c);
    return ok ? CLI_OK : CLI_ERROR;
}
