/* infilling.c: `espalier eval infilling`: the benchmarks HumanEval-Infilling and SAFIM.
 *
 * Every task of the files is completed by the model and the program that results is run
 * against its tests in a sandbox. A task whose language cannot be run here is reported as
 * not run and counts for nothing. Where a benchmark has the text behind the hole start a new
 * line without a line's end in front of it, the hole gets one: in an editor there always is.
 */
#include "grammars/grammars.h"
#include "lsp/assist/complete.h"
#include "lsp/cli/eval/eval.h"
#include "lsp/cli/eval/tasks.h"
#include "lsp/cli/eval/toolchain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_TOKENS = 256, MAX_TASKS = 200000, LANGUAGES_MAX = 32 };

enum outcome {
    PASSED,
    FAILED,
    CRASHED, /* ended by a signal */
    TIMED_OUT,
    WROTE_MUCH,
    NOT_BUILT,
    NOT_STARTED,
    NOT_RUN, /* no toolchain: counts neither way */
    OUTCOMES
};
static const char *const outcome_names[OUTCOMES] = {"passed",      "failed",         "crashed",
                                                    "timed out",   "wrote too much", "not built",
                                                    "not started", "not run"};

struct result {
    uint32_t language, problem;
    enum outcome outcome;
    double exact, similarity, ms;
};

struct run {
    struct cli *cli;
    const char *files[16];
    size_t n_files;
    long n, context;
    double timeout;
    bool served, truth, unsafe, json;

    struct eng_model *model;
    struct eng_session *session;
    struct cli_toolchains *toolchains;
    struct cli_sandbox *sandbox;
    char mark[40]; /* what a HumanEval program prints when its checks are through */

    struct result *results;
    size_t n_results, capacity;
    char languages[LANGUAGES_MAX][32];
    size_t n_languages, seen[LANGUAGES_MAX];
    char problem[128]; /* of the task before */
    uint32_t n_problems;
    cJSON *tasks; /* NULL without --json */
};

static bool out_of_memory(void)
{
    cli_fail("out of memory for the evaluation");
    return false;
}

/* ---- The answer ---------------------------------------------------------------------------- */

static char *join(const char *a, const char *b, const char *c, const char *d)
{
    size_t n = strlen(a), m = strlen(b), o = strlen(c), p = strlen(d);
    char *out = malloc(n + m + o + p + 1);
    if (!out) return NULL;
    memcpy(out, a, n);
    memcpy(out + n, b, m);
    memcpy(out + n + m, c, o);
    memcpy(out + n + m + o, d, p + 1);
    return out;
}

/* Does a line's end have to stand between the hole and what follows? */
static bool needs_line_end(const char *before, const char *after)
{
    size_t n = strlen(before);
    return n > 0 && before[n - 1] == '\n' && after[0] && after[0] != '\n' && after[0] != '\r';
}

/* What the model puts between before and after; *answer is the caller's. */
static bool ask(struct run *r, const struct cli_task *task, char **answer)
{
    const char *end = needs_line_end(task->before, task->after) ? "\n" : "";
    char *text = join(task->before, end, task->after, "");
    struct syn_document *doc = NULL;
    struct syn_error why = {"out of memory"};
    struct asst_job *job = NULL;
    struct asst_result result = {0};
    struct eng_error err = {"out of memory"};
    *answer = NULL;
    if (!text) return out_of_memory();
    enum syn_status syn = syn_document_new(task->lang, text, strlen(text), &doc, &why);
    if (syn == SYN_OK) syn = syn_document_parse(doc, 0, &why);
    enum eng_status status = asst_from_syntax(syn, &why, &err);
    if (status == ENG_OK) {
        struct asst_prompt_options sizes;
        asst_prompt_defaults(r->model, &sizes);
        if (r->context && (uint32_t)r->context < sizes.budget) sizes.budget = (uint32_t)r->context;
        uint32_t room = sizes.budget / 2 - 1;
        struct asst_request request = {.doc = doc,
                                       .cursor = strlen(task->before),
                                       .scope = ASST_SCOPE_TEXT,
                                       .max_tokens = room < ANSWER_TOKENS ? room : ANSWER_TOKENS,
                                       .sizes = &sizes};
        status = asst_complete_prepare(r->model, &request, &job, &err);
    }
    if (status == ENG_OK) status = asst_complete_run(r->session, job, NULL, &result, &err);
    const char *got =
        r->served ? (result.count ? result.items[0].text : "") : (result.raw ? result.raw : "");
    if (status == ENG_OK) *answer = join(got, "", "", "");
    if (!*answer) cli_fail("%s: %s", task->id, err.text);
    asst_result_free(&result);
    asst_job_free(job);
    syn_document_free(doc);
    free(text);
    return *answer != NULL;
}

static size_t without_end(const char *text)
{
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t\r\n", text[n - 1]))
        n--;
    return n;
}

/* ---- Tests --------------------------------------------------------------------------------- */

/* The next line of *at without white space at its end; false after the last that has any. */
static bool output_line(const char **at, const char **line, size_t *len)
{
    if (!**at) return false;
    *line = *at;
    size_t n = strcspn(*at, "\n");
    *at += n + ((*at)[n] == '\n');
    while (n > 0 && strchr(" \t\r", (*line)[n - 1]))
        n--;
    *len = n;
    return true;
}

/* Equal but for white space at the ends of lines and of the whole. */
static bool same_output(const char *a, const char *b)
{
    char *x = join(a, "", "", ""), *y = join(b, "", "", "");
    bool same = x && y;
    if (same) x[without_end(x)] = y[without_end(y)] = 0;
    const char *p = x, *q = y, *line, *other;
    size_t n, m;
    while (same && (*p || *q))
        same = output_line(&p, &line, &n) && output_line(&q, &other, &m) && n == m &&
               memcmp(line, other, n) == 0;
    free(x);
    free(y);
    return same;
}

static enum outcome outcome_of(const struct cli_run *run)
{
    switch (run->ending) {
    case CLI_ENDED:
        return run->code == 0 ? PASSED : FAILED;
    case CLI_SIGNALLED:
        return CRASHED;
    case CLI_TIMED_OUT:
        return TIMED_OUT;
    case CLI_WROTE_MUCH:
        return WROTE_MUCH;
    default:
        return NOT_STARTED;
    }
}

/* One test: the program reads input and prints one of the outputs. A HumanEval program has
 * none of either: it has passed when its last line is the mark. */
static bool run_test(struct run *r, const struct cli_task *task, const struct cli_task_test *test,
                     enum outcome *outcome, char *detail)
{
    struct cli_run run;
    const char *input = test ? test->input : "";
    if (!cli_toolchain_run(r->toolchains, task->lang->id, r->sandbox, input, strlen(input),
                           r->timeout, &run)) {
        free(run.output);
        return false;
    }
    *outcome = outcome_of(&run);
    if (*outcome == PASSED && test) {
        bool right = false;
        for (size_t i = 0; i < test->n_outputs && !right; i++)
            right = same_output(run.output, test->outputs[i]);
        *outcome = right ? PASSED : FAILED;
    } else if (*outcome == PASSED) {
        size_t n = without_end(run.output), len = strlen(r->mark);
        *outcome = n >= len && memcmp(run.output + n - len, r->mark, len) == 0 ? PASSED : FAILED;
    }
    snprintf(detail, CLI_SANDBOX_TAIL, "%s", run.tail);
    free(run.output);
    return true;
}

/* Builds and runs the program that the answer makes. False when the sandbox failed. */
static bool run_program(struct run *r, const struct cli_task *task, const char *answer,
                        enum outcome *outcome, char *detail)
{
    size_t n = strlen(answer);
    bool ended = n > 0 && answer[n - 1] == '\n';
    const char *end = needs_line_end(task->head, task->tail) && !ended ? "\n" : "";
    char print[80] = "";
    if (task->entry_point) snprintf(print, sizeof print, "print(\"%s\")\n", r->mark);
    char *with_end = join(task->head, answer, end, task->tail);
    char *text = with_end ? join(with_end, print, "", "") : NULL;
    struct cli_run run = {0};
    bool built = false;
    bool ok = text || out_of_memory();
    ok = ok && cli_toolchain_build(r->toolchains, task->lang->id, r->sandbox, text, strlen(text),
                                   &built, &run);
    free(with_end);
    free(text);
    if (ok && !built) {
        *outcome = run.ending == CLI_ENDED ? NOT_BUILT : outcome_of(&run);
        snprintf(detail, CLI_SANDBOX_TAIL, "%s", run.tail);
    }
    free(run.output);
    if (!ok || !built) return ok;
    *outcome = PASSED;
    if (task->entry_point) return run_test(r, task, NULL, outcome, detail);
    for (size_t i = 0; ok && *outcome == PASSED && i < task->n_tests; i++)
        ok = run_test(r, task, &task->tests[i], outcome, detail);
    return ok;
}

static bool equal_but_space(const char *a, const char *b)
{
    static const char space[] = " \t\r\n\v\f";
    for (;; a++, b++) {
        a += strspn(a, space);
        b += strspn(b, space);
        if (*a != *b || !*a) return *a == *b;
    }
}

/* ---- Tasks --------------------------------------------------------------------------------- */

static void add_task(struct run *r, const struct cli_task *task, const char *answer,
                     const struct result *result, const char *detail)
{
    if (!r->tasks) return;
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "task_id", task->id);
    cJSON_AddStringToObject(out, "language", task->lang_name);
    cJSON_AddStringToObject(out, "outcome", outcome_names[result->outcome]);
    cJSON_AddStringToObject(out, "truth", task->truth);
    cJSON_AddStringToObject(out, "answer", answer);
    cJSON_AddBoolToObject(out, "exact", result->exact > 0);
    cJSON_AddNumberToObject(out, "similarity", result->similarity);
    cJSON_AddNumberToObject(out, "ms", result->ms);
    if (detail[0] && result->outcome != PASSED) {
        /* Programs print what they like; JSON has to be text. */
        char plain[CLI_SANDBOX_TAIL];
        size_t n = 0;
        for (; detail[n]; n++)
            plain[n] = detail[n] == '\n' || (detail[n] >= ' ' && detail[n] < 127) ? detail[n] : '?';
        plain[n] = 0;
        cJSON_AddStringToObject(out, "detail", plain);
    }
    cJSON_AddItemToArray(r->tasks, out);
}

static bool language_number(struct run *r, const char *name, uint32_t *out)
{
    for (*out = 0; *out < r->n_languages; (*out)++)
        if (strcmp(r->languages[*out], name) == 0) return true;
    if (r->n_languages == LANGUAGES_MAX) {
        cli_fail("more than %d languages in the tasks", LANGUAGES_MAX);
        return false;
    }
    snprintf(r->languages[r->n_languages++], sizeof r->languages[0], "%s", name);
    return true;
}

/* Tasks of one problem ("SingleLineInfilling/HumanEval/0/L0" and its like) stand and fall
 * together; they follow one another. */
static uint32_t problem_number(struct run *r, const char *id)
{
    const char *slash = strrchr(id, '/');
    size_t len = slash ? (size_t)(slash - id) : strlen(id);
    if (len >= sizeof r->problem) len = sizeof r->problem - 1;
    if (r->n_problems == 0 || strncmp(r->problem, id, len) != 0 || r->problem[len]) r->n_problems++;
    memcpy(r->problem, id, len);
    r->problem[len] = 0;
    return r->n_problems - 1;
}

static bool do_task(struct run *r, const struct cli_task *task)
{
    struct result result = {.outcome = NOT_RUN, .problem = problem_number(r, task->id)};
    char detail[CLI_SANDBOX_TAIL] = "", *answer = NULL;
    const char *lacks;
    if (!language_number(r, task->lang_name, &result.language)) return false;
    if (r->n && r->seen[result.language] >= (size_t)r->n) return true;
    r->seen[result.language]++;
    double began = cli_now_ms();
    bool ok = r->truth ? (answer = join(task->truth, "", "", "")) != NULL || out_of_memory()
                       : ask(r, task, &answer);
    result.ms = cli_now_ms() - began;
    if (ok) {
        size_t n = without_end(answer), m = without_end(task->truth);
        result.exact = n == m && memcmp(answer, task->truth, n) == 0;
        result.similarity = cli_edit_similarity(answer, n, task->truth, m);
    }
    bool runs = task->lang && cli_toolchains_has(r->toolchains, task->lang->id, &lacks);
    if (ok && !task->entry_point && task->n_tests == 0)
        result.outcome = equal_but_space(answer, task->truth) ? PASSED : FAILED;
    else if (ok && runs)
        ok = run_program(r, task, answer, &result.outcome, detail);
    if (ok && r->n_results == r->capacity) {
        size_t wanted = r->capacity ? 2 * r->capacity : 256;
        struct result *grown = realloc(r->results, wanted * sizeof *grown);
        ok = grown || out_of_memory();
        if (grown) r->results = grown;
        if (grown) r->capacity = wanted;
    }
    if (ok) {
        add_task(r, task, answer, &result, detail);
        r->results[r->n_results++] = result;
    }
    free(answer);
    return ok;
}

static bool do_file(struct run *r, const char *path)
{
    struct cli_tasks *tasks = cli_tasks_open(path);
    struct cli_task task;
    int found = -1;
    bool ok = tasks != NULL;
    while (ok && r->n_results < MAX_TASKS && (found = cli_tasks_next(tasks, &task)) > 0) {
        cli_progress(r->cli, "%s: task %zu", cli_base_name(path), r->n_results + 1);
        ok = do_task(r, &task);
        cli_task_free(&task);
    }
    cli_progress_end(r->cli);
    cli_tasks_close(tasks);
    return ok && found >= 0;
}

/* ---- Reports ------------------------------------------------------------------------------- */

enum measure { PASS, EXACT, SIMILARITY };

/* language UINT32_MAX: all. */
static struct cli_interval interval_of(const struct run *r, uint32_t language, enum measure measure)
{
    struct cli_interval out = {0, 0, 0};
    double *values = malloc((2 * r->n_results + 1) * sizeof *values);
    double *weights = values ? values + r->n_results : NULL;
    uint32_t *cluster = malloc((r->n_results + 1) * sizeof *cluster);
    size_t n = 0;
    for (size_t i = 0; values && cluster && i < r->n_results; i++) {
        const struct result *result = &r->results[i];
        if (language != UINT32_MAX && result->language != language) continue;
        weights[n] = measure != PASS || result->outcome != NOT_RUN;
        values[n] = measure == PASS    ? result->outcome == PASSED
                    : measure == EXACT ? result->exact
                                       : result->similarity;
        cluster[n++] = result->problem;
    }
    if (values && cluster) out = cli_bootstrap(values, weights, cluster, n, 1);
    free(values);
    free(cluster);
    return out;
}

static void count(const struct run *r, uint32_t language, size_t counts[OUTCOMES], size_t *tasks)
{
    memset(counts, 0, OUTCOMES * sizeof *counts);
    *tasks = 0;
    for (size_t i = 0; i < r->n_results; i++) {
        if (language != UINT32_MAX && r->results[i].language != language) continue;
        counts[r->results[i].outcome]++;
        (*tasks)++;
    }
}

static void print_row(const struct run *r, const char *name, uint32_t language)
{
    size_t counts[OUTCOMES], tasks;
    count(r, language, counts, &tasks);
    struct cli_interval pass = interval_of(r, language, PASS);
    struct cli_interval exact = interval_of(r, language, EXACT);
    struct cli_interval similarity = interval_of(r, language, SIMILARITY);
    printf("%-11s %6zu  ", name, tasks);
    if (counts[NOT_RUN] == tasks)
        printf("%-20s", "not run");
    else
        printf("%5.1f%% [%4.1f, %5.1f]", 100 * pass.mean, 100 * pass.low, 100 * pass.high);
    printf("  %5.1f%% [%4.1f, %5.1f]  %.3f ", 100 * exact.mean, 100 * exact.low, 100 * exact.high,
           similarity.mean);
    for (int i = FAILED; i < OUTCOMES; i++)
        if (counts[i]) printf(" %zu %s", counts[i], outcome_names[i]);
    putchar('\n');
}

static void print_text(const struct run *r)
{
    printf("%-11s %6s  %-20s  %-20s  %-6s\n", "language", "tasks", "pass@1", "exact match", "edit");
    for (uint32_t l = 0; l < r->n_languages; l++)
        print_row(r, r->languages[l], l);
    print_row(r, "all", UINT32_MAX);
    printf("\nprograms were run with: %s\n", cli_sandbox_describe(r->sandbox));
    for (uint32_t l = 0; l < r->n_languages; l++) {
        const struct gram_language *lang = gram_by_id(r->languages[l]);
        const char *lacks = NULL;
        if (lang && cli_toolchains_has(r->toolchains, lang->id, &lacks)) continue;
        if (lacks)
            printf("%s was not run: no %s that a sandbox could run\n", r->languages[l], lacks);
        else
            printf("%s was not run: no way to run it is known\n", r->languages[l]);
    }
}

static void add_row(const struct run *r, cJSON *rows, const char *name, uint32_t language)
{
    size_t counts[OUTCOMES], tasks;
    count(r, language, counts, &tasks);
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "language", name);
    cJSON_AddNumberToObject(row, "tasks", (double)tasks);
    if (counts[NOT_RUN] == tasks)
        cJSON_AddNullToObject(row, "pass_at_1");
    else
        cli_add_interval(row, "pass_at_1", interval_of(r, language, PASS));
    cli_add_interval(row, "exact", interval_of(r, language, EXACT));
    cli_add_interval(row, "similarity", interval_of(r, language, SIMILARITY));
    cJSON *outcomes = cJSON_AddObjectToObject(row, "outcomes");
    for (int i = 0; i < OUTCOMES; i++)
        cJSON_AddNumberToObject(outcomes, outcome_names[i], (double)counts[i]);
    cJSON_AddItemToArray(rows, row);
}

static void print_json(struct run *r)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "sandbox", cli_sandbox_describe(r->sandbox));
    cJSON_AddBoolToObject(root, "served", r->served);
    cJSON *rows = cJSON_AddArrayToObject(root, "languages");
    for (uint32_t l = 0; l < r->n_languages; l++)
        add_row(r, rows, r->languages[l], l);
    add_row(r, rows, "all", UINT32_MAX);
    cJSON_AddItemToObject(root, "tasks", r->tasks);
    r->tasks = NULL;
    cli_print_json(root);
}

/* ---- The command --------------------------------------------------------------------------- */

static const char help[] =
    "usage: espalier eval infilling [OPTION]... FILE...\n"
    "\n"
    "Completes the tasks of HumanEval-Infilling or SAFIM files (one JSON object a line,\n"
    "unpacked) and runs their unit tests: Python, JavaScript, C, C++, Java, Go and Rust, as far\n"
    "as the machine has compilers and interpreters for them. Per language: pass@1 of one greedy\n"
    "answer, exact match and edit similarity. Tasks that have no tests pass when the answer is\n"
    "the truth but for white space.\n"
    "\n"
    "Programs run in a sandbox: no network, no files but their own, limited time, memory, disk\n"
    "and processes. Where the network cannot be cut off nothing is run.\n"
    "\n"
    "  --n N             the first N tasks of each language (default all)\n"
    "  --served          the answer as a user would see it, trimmed by the tree\n"
    "  --truth           the answer is the true one: checks file, compilers and sandbox\n"
    "  --timeout S       seconds of processor time of a test (default 10)\n"
    "  --context N       tokens of the window (default: the model's)\n"
    "  --unsafe          run programs even where the network cannot be cut off\n"
    "  --json            one JSON document with one record a task\n";

/* Nothing that a program could know beforehand. */
static void make_mark(char *out, size_t size)
{
    uint64_t state = (uint64_t)(cli_now_ms() * 1e6) ^ (uint64_t)(uintptr_t)out;
    FILE *random = fopen("/dev/urandom", "rb");
    if (random && fread(&state, sizeof state, 1, random) != 1) state++;
    if (random) fclose(random);
    snprintf(out, size, "checked %016llx", (unsigned long long)cli_random(&state));
}

static bool open_all(struct run *r)
{
    struct eng_error err = {"out of memory"};
    if (!r->truth && !cli_open_model(r->cli, NULL, &r->model)) return false;
    if (!r->truth && eng_session_new(r->model, 0, &r->session, &err) != ENG_OK) {
        cli_fail("%s", err.text);
        return false;
    }
    if (!(r->toolchains = cli_toolchains_find())) return out_of_memory();
    r->sandbox = cli_sandbox_open(cli_toolchains_readable(r->toolchains), r->unsafe);
    return r->sandbox != NULL;
}

int cli_eval_infilling(struct cli *cli, int argc, char **argv)
{
    struct run r = {.cli = cli, .timeout = 10};
    const struct cli_option options[] = {{"--n", CLI_INT, &r.n, 1, 1000000},
                                         {"--served", CLI_FLAG, &r.served, 0, 0},
                                         {"--truth", CLI_FLAG, &r.truth, 0, 0},
                                         {"--timeout", CLI_NUMBER, &r.timeout, 0.1, 600},
                                         {"--context", CLI_INT, &r.context, 64, 1048576},
                                         {"--unsafe", CLI_FLAG, &r.unsafe, 0, 0},
                                         {"--json", CLI_FLAG, &r.json, 0, 0},
                                         {0}};
    if (!cli_parse(cli, options, argc, argv, r.files, sizeof r.files / sizeof *r.files, &r.n_files))
        return CLI_ERROR;
    if (cli->help) {
        fputs(help, stdout);
        return CLI_OK;
    }
    if (r.n_files == 0) return cli_fail("eval infilling needs files");
    make_mark(r.mark, sizeof r.mark);
    r.tasks = r.json ? cJSON_CreateArray() : NULL;
    bool ok = open_all(&r);
    for (size_t i = 0; ok && i < r.n_files; i++)
        ok = do_file(&r, r.files[i]);
    if (ok && r.n_results == 0) {
        cli_fail("%s: no task in it", r.files[0]);
        ok = false;
    }
    if (ok && r.json)
        print_json(&r);
    else if (ok)
        print_text(&r);
    cJSON_Delete(r.tasks);
    free(r.results);
    cli_sandbox_close(r.sandbox);
    cli_toolchains_free(r.toolchains);
    eng_session_free(r.session);
    eng_model_close(r.model);
    return ok ? CLI_OK : CLI_ERROR;
}
