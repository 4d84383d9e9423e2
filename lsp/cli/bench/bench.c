/* bench.c: `espalier bench`: how fast a model runs here, and how near that is to what the machine
 * can do.
 *
 * Prefill is bound by arithmetic, decoding by reading the weights: each figure stands beside the
 * measured limit of its kind. Everything is measured in this process, on the threads that serving
 * would use; medians of some runs, as other work on the machine makes single ones useless.
 */
#include "lsp/cli/bench/bench.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_RUNS = 99, DECODED = 32 };

static const char help[] =
    "usage: espalier bench [OPTION]... [FILE]\n"
    "\n"
    "How fast the model runs on this machine: prompts of several lengths, tokens decoded after\n"
    "them, memory, energy where the processor counts it. Beside each figure, its share of what\n"
    "the machine can do at most, which is measured too (decoding may go beyond it: weights that\n"
    "fit into a cache are not read from memory). With FILE, also how long a suggestion\n"
    "takes from the keystroke on: keys of the middle of the file are typed, one by one, or\n"
    "with --trace the keystrokes that were recorded in it.\n"
    "\n"
    "  --runs N      the median of N runs (default 5)\n"
    "  --keys N      keys typed into FILE (default 200)\n"
    "  --trace FILE  recorded keystrokes: a line \"cut START END\" (bytes that are missing at\n"
    "                first), then \"MS i AT \\\"TEXT\\\"\", \"MS d AT N\" or \"MS m AT\" for each\n"
    "  --tokens N    only prompts of N tokens\n"
    "  --json        one JSON document\n";

/* ---- Samples ----------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

void bench_sort(double *values, size_t n)
{
    qsort(values, n, sizeof *values, by_value);
}

static double median(double *values, size_t n)
{
    bench_sort(values, n);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double bench_energy(void)
{
    glob_t found;
    double joule = 0;
    if (glob("/sys/class/powercap/intel-rapl:?/energy_uj", 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++) {
            double micro = 0;
            FILE *file = fopen(found.gl_pathv[i], "r");
            if (file && fscanf(file, "%lf", &micro) == 1) joule += micro / 1e6;
            if (file) fclose(file);
        }
    globfree(&found);
    return joule;
}

static uint64_t resident_bytes(void)
{
    unsigned long long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%llu %llu", &pages, &resident) != 2) resident = 0;
    if (file) fclose(file);
    long page = sysconf(_SC_PAGESIZE);
    return page > 0 ? resident * (uint64_t)page : 0;
}

/* Milliseconds since this process was started, as exactly as the system keeps that (ten of them);
 * 0 where it does not say. */
static double process_age(void)
{
    char line[1024] = "";
    unsigned long long ticks = 0;
    struct timespec now = {0};
    long rate = sysconf(_SC_CLK_TCK);
    FILE *file = fopen("/proc/self/stat", "r");
    if (file && !fgets(line, sizeof line, file)) line[0] = 0;
    if (file) fclose(file);
    char *at = strrchr(line, ')'); /* the name may hold anything; behind it is field 3 */
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (!at || sscanf(at, "%llu", &ticks) != 1 || rate <= 0) return 0;
#if defined(CLOCK_BOOTTIME)
    clock_gettime(CLOCK_BOOTTIME, &now);
#endif
    double ms = (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
    return ms > 0 ? ms - (double)ticks * 1e3 / (double)rate : 0;
}

static double computed_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* ---- Prompts and decoding ---------------------------------------------------------------- */

/* Any tokens will do: what they are changes no time. */
static void fill_inputs(struct eng_input *inputs, size_t n, uint32_t vocab)
{
    uint32_t state = 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        inputs[i] = (struct eng_input){.id = (int32_t)((state >> 8) % vocab), .record.segment = 2};
        for (size_t l = 0; l < ENG_LEVELS; l++)
            inputs[i].record.chain[l] = -1;
    }
}

struct samples {
    double prefill_ms[MAX_RUNS], decode_ms[MAX_RUNS];
    double prefill_joule[MAX_RUNS], decode_joule[MAX_RUNS];
    double processor_ms[MAX_RUNS];
};

static enum eng_status run_once(struct eng_session *session, const struct eng_input *inputs,
                                size_t n, struct samples *s, int run, struct eng_error *err)
{
    eng_session_rewind(session, 0);
    double start = cli_now_ms(), energy = bench_energy(), processor = computed_ms();
    enum eng_status status = eng_session_sync(session, inputs, n, NULL, NULL, err);
    double prefilled = computed_ms(), synced = cli_now_ms(), energy_synced = bench_energy();
    for (size_t i = 0; i < DECODED && status == ENG_OK; i++)
        status = eng_session_append(session, &inputs[n + i], NULL, err);
    s->prefill_ms[run] = synced - start;
    s->processor_ms[run] = prefilled - processor;
    s->decode_ms[run] = (cli_now_ms() - synced) / DECODED;
    s->prefill_joule[run] = (energy_synced - energy) / (double)n;
    s->decode_joule[run] = (bench_energy() - energy_synced) / DECODED;
    return status;
}

static enum eng_status measure_length(const struct eng_model *model, struct eng_session *session,
                                      const struct eng_input *inputs, uint32_t n, int runs,
                                      struct bench_row *row, struct eng_error *err)
{
    static const struct samples none;
    struct samples s = none;
    struct eng_attended before, after;
    eng_model_attended(model, &before);
    enum eng_status status = run_once(session, inputs, n, &s, 0, err); /* warms up */
    eng_model_attended(model, &after);
    for (int run = 0; run < runs && status == ENG_OK; run++)
        status = run_once(session, inputs, n, &s, run, err);
    size_t count = (size_t)runs;
    double pairs = (double)(after.pairs - before.pairs);
    *row = (struct bench_row){.tokens = n,
                              .prefill_ms = median(s.prefill_ms, count),
                              .decode_ms = median(s.decode_ms, count),
                              .prefill_joule = median(s.prefill_joule, count),
                              .decode_joule = median(s.decode_joule, count),
                              .resident_bytes = resident_bytes(),
                              .processor_ms = median(s.processor_ms, count),
                              .seen = (double)(after.seen - before.seen) / pairs,
                              .computed = (double)(after.computed - before.computed) / pairs};
    return status;
}

static bool measure(const struct cli *cli, struct eng_model *model, uint32_t only,
                    struct bench_report *r)
{
    static const uint32_t lengths[] = {128, 512, 1024, 2048, 4096, 8192};
    uint32_t context = r->info->context;
    struct eng_session *session = NULL;
    struct eng_error err = {"out of memory"};
    struct eng_input *inputs = malloc(((size_t)context + 1) * sizeof *inputs);
    enum eng_status status = ENG_NO_MEMORY;
    if (inputs) status = eng_session_new(model, 0, &session, &err);
    if (status == ENG_OK) {
        fill_inputs(inputs, context, r->info->vocab);
        r->session_bytes = eng_session_bytes(session);
    }
    for (size_t i = 0; status == ENG_OK && i < sizeof lengths / sizeof lengths[0]; i++) {
        /* The longest is the context itself. */
        uint32_t n = only ? only : lengths[i];
        if (n + DECODED > context) n = context - DECODED;
        if (context <= DECODED || (r->n_rows > 0 && n <= r->rows[r->n_rows - 1].tokens)) break;
        cli_progress(cli, "%u tokens", n);
        double start = cli_now_ms();
        if (r->n_rows == 0) status = eng_session_sync(session, inputs, n, NULL, NULL, &err);
        if (r->n_rows == 0) {
            r->first_token_ms = cli_now_ms() - start;
            r->started_ms = process_age();
            r->started_cpu_ms = computed_ms();
        }
        if (status == ENG_OK)
            status =
                measure_length(model, session, inputs, n, r->runs, &r->rows[r->n_rows++], &err);
        if (n <= 2048) r->resident_bytes = r->rows[r->n_rows - 1].resident_bytes;
    }
    if (status == ENG_OK) {
        cli_progress(cli, "limits");
        status = eng_measure_limits(model, &r->limits, &err);
    }
    cli_progress_end(cli);
    if (status != ENG_OK) cli_fail("%s: %s", r->info->name, err.text);
    eng_session_free(session);
    free(inputs);
    return status == ENG_OK;
}

int cli_bench(struct cli *cli, int argc, char **argv)
{
    long runs = 5, keys = 200, tokens = 0;
    bool json = false;
    const char *trace = NULL;
    const struct cli_option options[] = {
        {"--runs", CLI_INT, &runs, 1, MAX_RUNS}, {"--tokens", CLI_INT, &tokens, 1, 1048576},
        {"--keys", CLI_INT, &keys, 1, 100000},   {"--trace", CLI_TEXT, &trace, 0, 0},
        {"--json", CLI_FLAG, &json, 0, 0},       {0}};
    const char *words[1];
    size_t n_words;
    if (!cli_parse(cli, options, argc, argv, words, 1, &n_words)) return CLI_ERROR;
    if (cli->help) {
        fputs(help, stdout);
        return CLI_OK;
    }
    if (trace && n_words == 0) return cli_fail("--trace needs the FILE that it was recorded in");
    struct eng_model *model = NULL;
    double start = cli_now_ms();
    if (!cli_open_model(cli, NULL, &model)) return CLI_ERROR;
    struct bench_report report = {.info = eng_model_info(model), .runs = (int)runs};
    report.open_ms = cli_now_ms() - start;
    eng_model_work(model, &report.multiplied, &report.read, &report.threads);
    bool ok = measure(cli, model, (uint32_t)tokens, &report) &&
              (n_words == 0 || bench_typing(cli, model, words[0], trace, (size_t)keys, &report));
    if (ok && json)
        bench_print_json(&report);
    else if (ok)
        bench_print_text(&report);
    eng_model_close(model);
    return ok ? CLI_OK : CLI_ERROR;
}
