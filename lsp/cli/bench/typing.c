/* typing.c: how long a suggestion takes from the keystroke on.
 *
 * A stretch of the file is cut out and typed again, byte by byte of its characters. What is timed
 * is what the server does for a key: the edit, the incremental parse, prompt and features, prefill,
 * decoding. Nothing is timed but that: no protocol, no editor.
 */
#include "lsp/assist/complete.h"
#include "lsp/assist/tokens.h"
#include "lsp/cli/bench/bench.h"

#include <stdlib.h>
#include <string.h>

enum { COLD = 20 }; /* suggestions measured from nothing, and at places come back to */

struct typing {
    struct eng_model *model;
    struct eng_session *session;
    struct syn_document *doc;
    struct asst_tokens *tokens;
    double prompt, cached, generated; /* tokens, summed up */
    double passes;
    struct eng_error err;
};

/* One completion at a place; its milliseconds, or -1. */
static double complete(struct typing *t, size_t cursor)
{
    struct asst_request request = {.doc = t->doc, .cursor = cursor, .tokens = t->tokens};
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

static struct bench_latency latency_of(double *ms, size_t n)
{
    if (n == 0) return (struct bench_latency){0};
    bench_sort(ms, n);
    return (struct bench_latency){n, ms[n / 2], ms[n * 95 / 100], ms[n * 99 / 100]};
}

/* Types text[start, end) into the document that lacks it. */
static bool type(struct typing *t, const char *text, size_t len, size_t start, size_t end,
                 double *ms, size_t *n)
{
    if (complete(t, start) < 0) return false; /* as when the cursor arrives */
    t->prompt = t->cached = t->generated = t->passes = 0;
    for (size_t at = start; at < end;) {
        size_t bytes = character(text, len, at);
        double began = cli_now_ms();
        struct syn_error why = {""};
        if (syn_document_edit(t->doc, at, at, text + at, bytes, &why) != SYN_OK ||
            syn_document_parse(t->doc, 0, &why) != SYN_OK) {
            cli_fail("%s", why.text);
            return false;
        }
        at += bytes;
        double edited = cli_now_ms() - began, completed = complete(t, at);
        if (completed < 0) return false;
        ms[(*n)++] = edited + completed;
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

/* From nothing, at places along a stretch. */
static bool measure_cold(struct typing *t, const char *text, size_t start, size_t end, double *ms)
{
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
        double took = complete(t, n % 2 ? 0 : len);
        if (took < 0) return false;
        if (n >= 0) ms[n] = took;
    }
    return true;
}

bool bench_typing(const struct cli *cli, struct eng_model *model, const char *path, size_t keys,
                  struct bench_report *out)
{
    struct typing t = {.model = model, .err = {"out of memory"}};
    struct syn_document *whole = NULL;
    if (!cli_open_document(path, NULL, &whole)) return false;
    size_t len, n = 0;
    const char *text = syn_document_text(whole, &len);
    size_t start = syn_line_start(whole, syn_line_count(whole) / 2), end = start;
    for (size_t k = 0; k < keys && end < len; k++)
        end += character(text, len, end);
    double *ms = malloc((keys + COLD) * sizeof *ms);
    bool ok = ms && eng_session_new(model, 0, &t.session, &t.err) == ENG_OK &&
              asst_tokens_new(model, &t.tokens, &t.err) == ENG_OK &&
              (t.doc = without(syn_document_language(whole), text, len, start, end)) != NULL;
    cli_progress(cli, "typing into %s", path);
    ok = ok && type(&t, text, len, start, end, ms, &n);
    out->warm = latency_of(ms, n);
    out->reused = t.prompt > 0 ? t.cached / t.prompt : 0;
    out->tokens_per_pass = t.passes > 0 ? t.generated / t.passes : 0;
    ok = ok && measure_cold(&t, text, start, end, ms);
    out->cold = latency_of(ms, ok ? COLD : 0);
    ok = ok && measure_back(&t, ms);
    out->back = latency_of(ms, ok ? COLD : 0);
    out->typed = path;
    cli_progress_end(cli);
    if (!ok) cli_fail("%s: %s", path, t.err.text);
    free(ms);
    asst_tokens_free(t.tokens);
    eng_session_free(t.session);
    syn_document_free(t.doc);
    syn_document_free(whole);
    return ok;
}
