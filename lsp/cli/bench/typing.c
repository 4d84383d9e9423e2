/* typing.c: how long a suggestion takes from the keystroke on.
 *
 * A stretch of the file is cut out and typed again, character by character, or as it was recorded,
 * with its slips, deletions and moves. What is timed is what the server does for a key: the edit,
 * the incremental parse, prompt and features, prefill, decoding. Nothing is timed but that: no
 * protocol, no editor.
 */
#include "lsp/assist/complete.h"
#include "lsp/assist/tokens.h"
#include "lsp/cli/bench/bench.h"
#include "lsp/cli/bench/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    COLD = 20,         /* suggestions measured from nothing, and at places come back to */
    MAX_STEPS = 100000 /* of a trace */
};

struct typing {
    struct eng_model *model;
    struct eng_session *session;
    struct syn_document *doc;
    struct asst_tokens *tokens;
    struct asst_vocabulary *vocabulary;
    double prompt, cached, generated; /* tokens, summed up */
    double passes;
    double least_ms; /* what all completions would have needed at the machine's limits */
    const struct bench_report *report; /* knows them */
    struct eng_error err;
};

/* Prompts by arithmetic, decoding by reading the weights: neither can be faster. */
static double least_ms(const struct bench_report *r, const struct asst_timings *timings)
{
    double evaluated = (double)timings->prompt_tokens - timings->cached_tokens;
    return 1e3 * (evaluated * (double)r->multiplied / r->limits.products +
                  timings->passes * (double)r->read / r->limits.read_bytes);
}

/* One completion at a place; its milliseconds, or -1. */
static double complete(struct typing *t, size_t cursor)
{
    struct asst_request request = {
        .doc = t->doc, .cursor = cursor, .tokens = t->tokens, .vocabulary = t->vocabulary};
    struct asst_job *job = NULL;
    struct asst_result result = {0};
    double start = cli_now_ms();
    enum eng_status status = asst_complete_prepare(t->model, &request, &job, &t->err);
    if (status == ENG_OK) status = asst_complete_run(t->session, job, NULL, &result, &t->err);
    double ms = cli_now_ms() - start;
    t->prompt += result.timings.prompt_tokens;
    t->cached += result.timings.cached_tokens;
    t->generated += result.timings.generated_tokens;
    t->passes += result.timings.passes + 1; /* the prompt's own gives the first token */
    t->least_ms += least_ms(t->report, &result.timings);
    asst_result_free(&result);
    asst_job_free(job);
    return status == ENG_OK ? ms : -1;
}

/* Bytes of the character at text[at]. */
static size_t character(const char *text, size_t len, size_t at)
{
    size_t n = 1;
    while (at + n < len && ((unsigned char)text[at + n] & 0xC0) == 0x80)
        n++;
    return n;
}

/* Of what was measured since this was asked last. */
static struct bench_latency latency_of(struct typing *t, double *ms, size_t n)
{
    double all = 0, least = t->least_ms;
    t->least_ms = 0;
    if (n == 0) return (struct bench_latency){0};
    bench_sort(ms, n);
    for (size_t i = 0; i < n; i++)
        all += ms[i];
    return (struct bench_latency){n, ms[n / 2], ms[n * 95 / 100], ms[n * 99 / 100],
                                  all > 0 ? least / all : 0};
}

/* Replaces bytes of the document and asks for a suggestion at the cursor: milliseconds, or -1 after
 * a message. */
static double edit(struct typing *t, size_t at, size_t removed, const char *text, size_t len)
{
    double began = cli_now_ms();
    struct syn_error why = {""};
    if (syn_document_edit(t->doc, at, at + removed, text, len, &why) != SYN_OK ||
        syn_document_parse(t->doc, 0, &why) != SYN_OK) {
        snprintf(t->err.text, sizeof t->err.text, "%s", why.text);
        return -1;
    }
    double edited = cli_now_ms() - began, completed = complete(t, at + len);
    return completed < 0 ? -1 : edited + completed;
}

/* As when the cursor arrives; what is counted starts then. */
static bool arrive(struct typing *t, size_t at)
{
    if (complete(t, at) < 0) return false;
    t->prompt = t->cached = t->generated = t->passes = t->least_ms = 0;
    return true;
}

/* Types text[start, end) into the document that lacks it. */
static bool type(struct typing *t, const char *text, size_t len, size_t start, size_t end,
                 double *ms, size_t *n)
{
    if (!arrive(t, start)) return false;
    for (size_t at = start; at < end; (*n)++) {
        size_t bytes = character(text, len, at);
        if ((ms[*n] = edit(t, at, 0, text + at, bytes)) < 0) return false;
        at += bytes;
    }
    return true;
}

static struct syn_document *without(const struct gram_language *lang, const char *text, size_t len,
                                    size_t start, size_t end)
{
    struct syn_document *doc = NULL;
    char *rest = malloc(len + 1);
    if (!rest) return NULL;
    memcpy(rest, text, start);
    memcpy(rest + start, text + end, len - end);
    if (syn_document_new(lang, rest, len - (end - start), &doc, NULL) == SYN_OK &&
        syn_document_parse(doc, 0, NULL) != SYN_OK) {
        syn_document_free(doc);
        doc = NULL;
    }
    free(rest);
    return doc;
}

/* ---- Traces ------------------------------------------------------------------------------ */

/* A trace's file, line by line. */
struct recording {
    const char *path;
    FILE *file;
    char line[BENCH_TRACE_LINE];
    size_t number, len;
};

static bool refuse(struct typing *t, const struct recording *r, const char *why)
{
    snprintf(t->err.text, sizeof t->err.text, "%s:%zu: %s", r->path, r->number, why);
    return false;
}

/* False at the end, and, with a message, where a line is too long. */
static bool next_line(struct typing *t, struct recording *r, bool *failed)
{
    r->number++;
    *failed = false;
    if (!fgets(r->line, sizeof r->line, r->file)) return false;
    r->len = strlen(r->line);
    bool whole = r->len > 0 && r->line[r->len - 1] == '\n';
    if (whole) r->line[--r->len] = 0;
    *failed = !whole && !feof(r->file);
    return *failed ? refuse(t, r, "expected lines of less than 1024 bytes") : true;
}

static bool open_trace(struct typing *t, struct recording *r, size_t len, size_t *start,
                       size_t *end)
{
    bool failed;
    const char *why = "expected \"cut START END\"";
    r->file = fopen(r->path, "rb");
    if (!r->file) return refuse(t, r, "cannot be opened");
    if (!next_line(t, r, &failed)) return failed ? false : refuse(t, r, why);
    if (!bench_trace_cut(r->line, r->len, start, end, &why)) return refuse(t, r, why);
    return *end <= len || refuse(t, r, "cuts more than the file has");
}

/* Lives through it; the pauses are left out. */
static bool replay(struct typing *t, struct recording *r, size_t start, double *ms, size_t most,
                   size_t *n)
{
    struct bench_step step;
    const char *why;
    bool failed;
    if (!arrive(t, start)) return false;
    while (next_line(t, r, &failed)) {
        size_t len;
        syn_document_text(t->doc, &len);
        if (!bench_trace_step(r->line, r->len, &step, &why)) return refuse(t, r, why);
        if (step.at > len || step.removed > len - step.at) return refuse(t, r, "leaves the text");
        if (*n == most) return refuse(t, r, "expected fewer steps");
        double took = step.kind == 'm' ? complete(t, step.at)
                                       : edit(t, step.at, step.removed, step.text, step.len);
        if (took < 0) return false;
        ms[(*n)++] = took;
    }
    return !failed;
}

/* ---- Without warmth ------------------------------------------------------------------------- */

/* From nothing, at places along a stretch. */
static bool measure_cold(struct typing *t, size_t start, size_t end, double *ms)
{
    size_t len;
    const char *text = syn_document_text(t->doc, &len);
    start = start < len ? start : len;
    end = end < len ? end : len;
    for (size_t n = 0; n < COLD; n++) {
        eng_session_rewind(t->session, 0);
        eng_model_forget_sequences(t->model);
        asst_tokens_free(t->tokens);
        t->tokens = NULL;
        if (asst_tokens_new(t->model, &t->tokens, &t->err) != ENG_OK) return false;
        size_t at = start + (end - start) * n / COLD;
        while (at > start && ((unsigned char)text[at] & 0xC0) == 0x80)
            at--;
        if ((ms[n] = complete(t, at)) < 0) return false;
    }
    return true;
}

/* To and fro between the ends of the document, as one goes from file to file. */
static bool measure_back(struct typing *t, double *ms)
{
    size_t len;
    syn_document_text(t->doc, &len);
    for (int n = -2; n < COLD; n++) { /* the first two have not been there */
        if (n == 0) t->least_ms = 0;
        double took = complete(t, n % 2 ? 0 : len);
        if (took < 0) return false;
        if (n >= 0) ms[n] = took;
    }
    return true;
}

/* The stretch of the whole file that is typed. */
static bool choose_stretch(struct typing *t, struct recording *r, const struct syn_document *whole,
                           size_t keys, size_t *start, size_t *end)
{
    size_t len;
    const char *text = syn_document_text(whole, &len);
    if (r->path) return open_trace(t, r, len, start, end);
    *start = *end = syn_line_start(whole, syn_line_count(whole) / 2);
    for (size_t k = 0; k < keys && *end < len; k++)
        *end += character(text, len, *end);
    return true;
}

bool bench_typing(const struct cli *cli, struct eng_model *model, const char *path,
                  const char *trace, size_t keys, struct bench_report *out)
{
    struct typing t = {.model = model, .report = out, .err = {"out of memory"}};
    struct recording recording = {.path = trace};
    struct syn_document *whole = NULL;
    if (!cli_open_document(path, NULL, &whole)) return false;
    size_t len, n = 0, start = 0, end = 0, most = trace ? MAX_STEPS : keys + COLD;
    const char *text = syn_document_text(whole, &len);
    double *ms = malloc(most * sizeof *ms);
    bool ok = ms && choose_stretch(&t, &recording, whole, keys, &start, &end) &&
              eng_session_new(model, 0, &t.session, &t.err) == ENG_OK &&
              asst_tokens_new(model, &t.tokens, &t.err) == ENG_OK &&
              asst_vocabulary_new(model, &t.vocabulary, &t.err) == ENG_OK &&
              (t.doc = without(syn_document_language(whole), text, len, start, end)) != NULL;
    cli_progress(cli, "typing into %s", path);
    if (ok && trace)
        ok = replay(&t, &recording, start, ms, most, &n);
    else if (ok)
        ok = type(&t, text, len, start, end, ms, &n);
    out->warm = latency_of(&t, ms, ok ? n : 0);
    out->reused = t.prompt > 0 ? t.cached / t.prompt : 0;
    out->tokens_per_pass = t.passes > 0 ? t.generated / t.passes : 0;
    ok = ok && measure_cold(&t, start, end, ms);
    out->cold = latency_of(&t, ms, ok ? COLD : 0);
    ok = ok && measure_back(&t, ms);
    out->back = latency_of(&t, ms, ok ? COLD : 0);
    out->typed = path;
    out->trace = trace;
    cli_progress_end(cli);
    if (!ok) cli_fail("%s: %s", path, t.err.text);
    free(ms);
    if (recording.file) fclose(recording.file);
    asst_tokens_free(t.tokens);
    asst_vocabulary_free(t.vocabulary);
    eng_session_free(t.session);
    syn_document_free(t.doc);
    syn_document_free(whole);
    return ok;
}
