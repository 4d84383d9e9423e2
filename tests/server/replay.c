/* Types a trace into a real server with a real model.
 *
 *   replay SERVER MODEL SAMPLE TRACE LANGUAGE (lockstep | SPEED)
 *
 * Every keystroke is a didChange (or a move of the cursor) and an inline completion request,
 * as VS Code sends them. lockstep waits for each answer; SPEED types that many times as fast
 * as the trace was recorded, whether answers came or not.
 *
 * Every request has to be answered once (client.c counts). An answer with text has to be
 * what a completion computed from nothing (fresh document, fresh session) says for the very
 * text that the request was made for: nothing stale, nothing of another version; or the rest of
 * an earlier answer, when the text is the earlier one with the start of that answer put in, and
 * nothing else. An empty
 * answer or -32800 is right only when the same computation is empty, too, or when a later
 * keystroke came before the answer; in lockstep there is no such excuse. */
#include "grammars/grammars.h"
#include "lsp/assist/complete.h"
#include "tests/server/client.h"
#include "tests/server/trace.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_STEPS 4096
#define ANSWER_MS 120000
#define URI       "file:///typing/sample"

struct replay {
    struct client client;
    struct eng_model *model;
    struct eng_session *session;
    const struct gram_language *language;
    bool lockstep;
    char *expected[MAX_STEPS]; /* [step] the text that is right, "" for none */
    char *text[MAX_STEPS];     /* the document */
    size_t cursor[MAX_STEPS];
    char *given[MAX_STEPS]; /* what was answered, NULL: nothing yet */
    bool answered[MAX_STEPS];
    unsigned steps, open;
    unsigned with_text, rests, empty, quiet, excused;
    double total_ms, worst_ms;
    struct timespec sent[MAX_STEPS];
};

static double ms_since(const struct timespec *then)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) * 1e3 + (double)(now.tv_nsec - then->tv_nsec) / 1e6;
}

/* ---- What is right ----------------------------------------------------------------- */

static char *compute(struct replay *r, const struct trace *trace)
{
    struct syn_document *doc;
    struct syn_error syntax = {""};
    struct eng_error err = {""};
    struct asst_job *job;
    struct asst_result result;
    char *text;
    if (syn_document_new(r->language, trace->text, trace->len, &doc, &syntax) != SYN_OK ||
        syn_document_parse(doc, 0, &syntax) != SYN_OK)
        client_fail(&r->client, "step %u: %s", trace->step, syntax.text);
    const struct asst_request request = {
        .doc = doc, .cursor = trace->cursor, .n = 1, .min_confidence = -1, .not_in_comments = true};
    eng_session_rewind(r->session, 0);
    if (asst_complete_prepare(r->model, &request, &job, &err) != ENG_OK ||
        asst_complete_run(r->session, job, NULL, &result, &err) != ENG_OK)
        client_fail(&r->client, "step %u: %s", trace->step, err.text);
    text = strdup(result.count ? result.items[0].text : "");
    asst_result_free(&result);
    asst_job_free(job);
    syn_document_free(doc);
    return text;
}

/* ---- Answers ----------------------------------------------------------------------- */

/* Whether the document of a step is that of an earlier one, of whose answer the first n bytes were
 * typed. */
static bool typed_along(const struct replay *r, unsigned step, unsigned earlier, size_t n)
{
    const char *now = r->text[step], *then = r->text[earlier], *given = r->given[earlier];
    size_t place = r->cursor[earlier], len = strlen(then);
    return strlen(now) == len + n && memcmp(now, then, place) == 0 &&
           memcmp(now + place, given, n) == 0 &&
           memcmp(now + place + n, then + place, len - place) == 0;
}

static bool is_rest(const struct replay *r, unsigned step, const char *text)
{
    for (unsigned k = step; k-- > 0;) {
        size_t place = r->cursor[k], cursor = r->cursor[step];
        if (!r->given[k] || cursor <= place || strlen(r->given[k]) <= cursor - place) continue;
        if (strcmp(r->given[k] + (cursor - place), text) == 0 &&
            typed_along(r, step, k, cursor - place))
            return true;
    }
    return false;
}

static void check_answer(struct replay *r, const cJSON *message)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(message, "id");
    const cJSON *result = cJSON_GetObjectItemCaseSensitive(message, "result");
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(message, "error");
    unsigned step = (unsigned)id->valueint;
    const char *expected = r->expected[step];
    bool excused = !r->lockstep && step != r->steps;
    double ms = ms_since(&r->sent[step]);
    r->answered[step] = true;
    r->open--;
    r->total_ms += ms;
    if (ms > r->worst_ms) r->worst_ms = ms;
    if (error) {
        int code = cJSON_GetObjectItemCaseSensitive(error, "code")->valueint;
        if (code != -32800 || !excused) client_fail(&r->client, "step %u: error %d", step, code);
        r->quiet++;
        return;
    }
    const cJSON *item = cJSON_GetArrayItem(result, 0);
    const char *text =
        item ? cJSON_GetObjectItemCaseSensitive(item, "insertText")->valuestring : "";
    r->given[step] = strdup(text);
    if (strcmp(text, expected) == 0) {
        *(*text ? &r->with_text : &r->empty) += 1;
    } else if (*text && is_rest(r, step, text)) {
        r->rests++;
    } else if (!*text && excused) {
        r->excused++;
    } else {
        client_fail(&r->client, "step %u: '%s' was answered, '%s' is right", step, text, expected);
    }
}

/* Reads messages for so long, or until nothing is open when that is to be waited for. */
static void read_answers(struct replay *r, int ms, bool until_none_open)
{
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (!until_none_open || r->open > 0) {
        bool timed_out;
        int left = ms - (int)ms_since(&start);
        char *body = client_receive(&r->client, left > 0 ? left : 0, &timed_out);
        if (!body) {
            if (!timed_out || until_none_open)
                client_fail(&r->client, "%s with %u requests open",
                            timed_out ? "silence" : "the server ended", r->open);
            return;
        }
        cJSON *message = cJSON_Parse(body);
        if (!cJSON_GetObjectItemCaseSensitive(message, "method")) check_answer(r, message);
        cJSON_Delete(message);
        free(body);
    }
}

/* ---- Typing ------------------------------------------------------------------------ */

/* Line and UTF-16 column of a byte offset. */
static void position_of(const char *text, size_t offset, unsigned *line, unsigned *column)
{
    *line = *column = 0;
    for (size_t i = 0; i < offset; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\n') {
            ++*line;
            *column = 0;
        } else if ((c & 0xc0) != 0x80) {
            *column += c >= 0xf0 ? 2 : 1;
        }
    }
}

static void send_key(struct replay *r, const struct trace *trace, const char *before)
{
    unsigned line, column, end_line, end_column;
    if (!trace->moved) {
        char *text = client_quote(trace->inserted);
        position_of(before, trace->start, &line, &column);
        position_of(before, trace->old_end, &end_line, &end_column);
        client_sendf(&r->client,
                     "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didChange\",\"params\":{"
                     "\"textDocument\":{\"uri\":\"" URI "\",\"version\":%u},\"contentChanges\":[{"
                     "\"range\":{\"start\":{\"line\":%u,\"character\":%u},\"end\":{\"line\":%u,"
                     "\"character\":%u}},\"text\":%s}]}}",
                     trace->step + 1, line, column, end_line, end_column, text);
        free(text);
    }
    position_of(trace->text, trace->cursor, &line, &column);
    r->steps = trace->step;
    r->open++;
    clock_gettime(CLOCK_MONOTONIC, &r->sent[trace->step]);
    client_sendf(&r->client,
                 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"textDocument/inlineCompletion\","
                 "\"params\":{\"textDocument\":{\"uri\":\"" URI "\"},\"position\":{\"line\":%u,"
                 "\"character\":%u},\"context\":{\"triggerKind\":2}}}",
                 trace->step, line, column);
}

static void type_all(struct replay *r, struct trace *trace, unsigned speed)
{
    static char before[TRACE_MAX_TEXT];
    memcpy(before, trace->text, trace->len + 1);
    while (trace_next(trace)) {
        if (trace->step >= MAX_STEPS) client_fail(&r->client, "the trace is too long");
        if (!r->lockstep) read_answers(r, (int)(trace->pause_ms / speed), false);
        r->expected[trace->step] = compute(r, trace);
        r->text[trace->step] = strdup(trace->text);
        r->cursor[trace->step] = trace->cursor;
        send_key(r, trace, before);
        if (r->lockstep) read_answers(r, ANSWER_MS, true);
        memcpy(before, trace->text, trace->len + 1);
    }
    read_answers(r, ANSWER_MS, true);
}

/* ---- The session ------------------------------------------------------------------- */

static void expect_message(struct replay *r, const char *what)
{
    bool timed_out, found = false;
    while (!found) {
        char *body = client_receive(&r->client, ANSWER_MS, &timed_out);
        if (!body) client_fail(&r->client, "waited for %s in vain", what);
        found = strstr(body, what) != NULL;
        free(body);
    }
}

static void start(struct replay *r, const struct trace *trace, char **argv)
{
    char *server[] = {argv[1], "serve", "--model", argv[2], NULL};
    client_start(&r->client, argv[4], server);
    client_send(&r->client,
                "{\"jsonrpc\":\"2.0\",\"id\":\"hello\",\"method\":\"initialize\",\"params\":{"
                "\"capabilities\":{\"window\":{\"workDoneProgress\":true},\"textDocument\":{"
                "\"inlineCompletion\":{}}}}}");
    expect_message(r, "inlineCompletionProvider");
    client_send(&r->client, "{\"jsonrpc\":\"2.0\",\"method\":\"initialized\",\"params\":{}}");
    for (int i = 0;; i++) {
        bool timed_out, ready = false;
        struct timespec pause = {0, 50000000};
        client_sendf(&r->client,
                     "{\"jsonrpc\":\"2.0\",\"id\":\"ready-%d\",\"method\":\"espalier/status\"}", i);
        for (bool answered = false; !answered;) {
            char *body = client_receive(&r->client, ANSWER_MS, &timed_out);
            if (!body) client_fail(&r->client, "no status");
            answered = strstr(body, "\"ready-") != NULL;
            ready = strstr(body, "\"state\":\"ready\"") != NULL;
            free(body);
        }
        if (ready) break;
        nanosleep(&pause, NULL);
    }
    char *text = client_quote(trace->text);
    client_sendf(&r->client,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didOpen\",\"params\":{"
                 "\"textDocument\":{\"uri\":\"" URI
                 "\",\"languageId\":\"%s\",\"version\":1,\"text\":%s}}}",
                 argv[5], text);
    free(text);
}

static void finish(struct replay *r)
{
    bool timed_out;
    client_send(&r->client, "{\"jsonrpc\":\"2.0\",\"id\":\"end\",\"method\":\"espalier/status\"}");
    char *body = client_receive(&r->client, ANSWER_MS, &timed_out);
    cJSON *status = cJSON_Parse(body);
    const cJSON *result = cJSON_GetObjectItemCaseSensitive(status, "result");
    const cJSON *counters = cJSON_GetObjectItemCaseSensitive(result, "counters");
    char *shown = cJSON_PrintUnformatted(counters);
    const cJSON *turn = cJSON_GetObjectItemCaseSensitive(result, "longestTurnMs");
    printf(
        "%u requests: %u with text, %u typed along, %u rightly empty, %u outdated, %u superseded; "
        "answered after %.1f ms on average, %.1f at worst; longest turn %.1f ms\n%s\n",
        r->steps, r->with_text, r->rests, r->empty, r->excused, r->quiet, r->total_ms / r->steps,
        r->worst_ms, turn ? turn->valuedouble : 0, shown);
    free(shown);
    free(body);
    cJSON_Delete(status);
    client_send(&r->client, "{\"jsonrpc\":\"2.0\",\"id\":\"bye\",\"method\":\"shutdown\"}");
    expect_message(r, "\"bye\"");
    client_send(&r->client, "{\"jsonrpc\":\"2.0\",\"method\":\"exit\"}");
    size_t open = client_unanswered(&r->client);
    int code = client_finish(&r->client);
    if (open != 0 || code != 0) {
        fprintf(stderr, "%zu requests open at the end, exit code %d\n", open, code);
        exit(1);
    }
    for (unsigned i = 0; i <= r->steps; i++) {
        free(r->expected[i]);
        free(r->text[i]);
        free(r->given[i]);
    }
}

int main(int argc, char **argv)
{
    static struct replay r;
    static struct trace trace;
    struct eng_error err = {""};
    if (argc != 7) {
        fprintf(stderr, "usage: replay SERVER MODEL SAMPLE TRACE LANGUAGE (lockstep | SPEED)\n");
        return 2;
    }
    r.lockstep = strcmp(argv[6], "lockstep") == 0;
    unsigned speed = r.lockstep ? 1 : (unsigned)atoi(argv[6]);
    r.language = gram_by_id(argv[5]);
    trace_open(&trace, argv[4], argv[3]);
    if (eng_model_open(argv[2], NULL, &r.model, &err) != ENG_OK ||
        eng_session_new(r.model, 0, &r.session, &err) != ENG_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    start(&r, &trace, argv);
    type_all(&r, &trace, speed ? speed : 1);
    finish(&r);
    eng_session_free(r.session);
    eng_model_close(r.model);
    return 0;
}
