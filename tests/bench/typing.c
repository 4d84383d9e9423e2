/* Types parts of real files into a server, takes what it suggests when that is what was to be
 * written, and says what came of it.
 *
 *   typing SERVER MODEL [--client vscode|neovim] [--speed N] [--characters N] [--seed N]
 *          [--options JSON] [--show] [--json] FILE...
 *
 * vscode asks at every key and closes round and square brackets by itself; neovim asks 200 ms after
 * the last one. --speed N types N times as fast as a person. A suggestion is taken when it is on
 * screen when the next key is due, is what the file had there, and saves three characters.
 *
 * shown: different suggestions on screen (typing along one shows no other). taken, kept: those that
 * were taken, and the share of the region's characters that came with them. valid: the tree has no
 * more errors with one in it than it needs without. doubled: more unopened brackets on its line
 * than the file, or the editor that closes them by itself, has there; or the next line once more.
 * late: answers with text to an outdated request, which an editor drops. latency: of all answers;
 * shown_p50_ms and so on: of those with text. reused: of the prompts' tokens, where the model was
 * asked, those that were evaluated before. --show prints each suggestion in its line. */
#include "grammars/grammars.h"
#include "syntax/syntax.h"
#include "tests/bench/typist.h"
#include "tests/server/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_LATENCIES = 200000, NEOVIM_WAIT_MS = 200, ANSWER_MS = 60000 };

struct suggestion {
    bool there;
    size_t end;      /* the text from the cursor up to here becomes */
    char text[4096]; /* this */
};

struct typing {
    struct client client;
    struct typist typist;
    const struct gram_language *lang;
    const char *folder; /* workspace */
    char uri[1024];
    int id, version, asked, asked_version; /* asked: the last request's id */
    double asked_at;
    struct suggestion shown;
    bool neovim, prints;
    double speed;
    /* What came of it. */
    unsigned files, keys, requests, answers, shows, taken, valid, judged, doubled, late;
    size_t characters, kept;
    double prompt, cached, answered_by_rests;
    struct latencies {
        double *ms; /* [MAX_LATENCIES] */
        size_t n;
    } all, with_text;
};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- Positions: utf-8 was agreed on ------------------------------------------------ */

static size_t offset_of(const struct typist *t, const cJSON *position)
{
    const cJSON *line = cJSON_GetObjectItemCaseSensitive(position, "line");
    const cJSON *column = cJSON_GetObjectItemCaseSensitive(position, "character");
    if (!cJSON_IsNumber(line) || !cJSON_IsNumber(column)) return SIZE_MAX;
    return typist_offset(t, (size_t)line->valueint, (size_t)column->valueint);
}

/* ---- What is shown ----------------------------------------------------------------- */

/* Closing brackets of the line around [start, end) with `inserted` in it that nothing on it opens,
 * those between double or slanted quotes aside: they are text. */
static int unopened(const char *text, size_t start, size_t end, const char *inserted)
{
    int open = 0, closed = 0;
    char quote = 0;
    size_t begin = start;
    while (begin > 0 && text[begin - 1] != '\n')
        begin--;
    for (int part = 0; part < 3; part++) {
        const char *at = part == 0 ? text + begin : part == 1 ? inserted : text + end;
        size_t left = part == 0 ? start - begin : SIZE_MAX;
        for (; left > 0 && *at && *at != '\n'; at++, left--) {
            if (quote ? *at == quote : *at == '"' || *at == '`') quote = quote ? 0 : *at;
            if (quote) continue;
            if (strchr("([{", *at)) open++;
            if (strchr(")]}", *at) && open-- <= 0) {
                open = 0;
                closed++;
            }
        }
        if (part == 1 && *at == '\n') break;
    }
    return closed;
}

/* How many of the brackets that the editor put right of the cursor were opened on lines above. It
 * closes no braces. */
static int closed_from_above(const struct typist *t)
{
    int open = 0;
    size_t begin = t->cursor;
    while (begin > 0 && t->text[begin - 1] != '\n')
        begin--;
    for (size_t i = begin; i < t->cursor; i++) {
        if (strchr("([", t->text[i])) open++;
        if (strchr(")]", t->text[i]) && open > 0) open--;
    }
    return (int)t->n_closers > open ? (int)t->n_closers - open : 0;
}

static bool repeats_next_line(const struct typist *t, const struct suggestion *s)
{
    const char *below = strchr(t->text + s->end, '\n'), *last = strrchr(s->text, '\n');
    last = last ? last + 1 : s->text;
    last += strspn(last, " \t");
    size_t n = strlen(last);
    if (!below || n < 4) return false;
    below += strspn(below, " \t\r\n");
    return strncmp(below, last, n) == 0 && (below[n] == '\n' || below[n] == '\r' || !below[n]);
}

/* The cursor's line as it is, the suggestion between bars. */
static void print_line(const struct typist *t, const struct suggestion *s, const char *note)
{
    size_t start = t->cursor;
    while (start > 0 && t->text[start - 1] != '\n')
        start--;
    fprintf(stderr, "%-8s%.*s|%s|%.*s\n", note, (int)(t->cursor - start), t->text + start, s->text,
            (int)strcspn(t->text + s->end, "\n"), t->text + s->end);
}

static void judge(struct typing *b, const struct suggestion *s)
{
    const struct typist *t = &b->typist;
    struct syn_document *doc;
    struct syn_hole *hole = NULL;
    struct syn_verdict verdict;
    size_t len = strlen(s->text);
    int unopened_there = unopened(t->target, t->cursor, t->cursor, "");
    int from_above = closed_from_above(t);
    bool doubled = unopened(t->text, t->cursor, s->end, s->text) >
                       (from_above > unopened_there ? from_above : unopened_there) ||
                   repeats_next_line(t, s);
    b->doubled += doubled;
    if (b->prints) print_line(t, s, doubled ? "doubled" : "");
    if (syn_document_new(b->lang, t->text, t->len, &doc, NULL) != SYN_OK) return;
    if (syn_document_parse(doc, 0, NULL) == SYN_OK &&
        syn_hole_open(doc, t->cursor, s->end, &hole, NULL) == SYN_OK &&
        syn_candidate_judge(hole, s->text, len, &verdict, NULL) == SYN_OK) {
        b->judged++;
        b->valid += verdict.keep == len;
    }
    syn_hole_free(hole);
    syn_document_free(doc);
}

/* Takes the first item of an answer. */
static void show(struct typing *b, const cJSON *result)
{
    const cJSON *items = cJSON_IsArray(result) ? result : cJSON_GetObjectItem(result, "items");
    const cJSON *item = cJSON_GetArrayItem(items, 0);
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "insertText"));
    const cJSON *range = cJSON_GetObjectItemCaseSensitive(item, "range");
    const struct typist *t = &b->typist;
    struct suggestion s = {.there = text && range && strlen(text) < sizeof s.text};
    if (s.there) {
        size_t start = offset_of(t, cJSON_GetObjectItemCaseSensitive(range, "start"));
        s.end = offset_of(t, cJSON_GetObjectItemCaseSensitive(range, "end"));
        size_t lead = t->cursor - start;
        if (start > t->cursor || s.end < t->cursor || s.end > t->len || strlen(text) <= lead ||
            memcmp(text, t->text + start, lead) != 0)
            client_fail(&b->client, "a suggestion that does not fit the cursor: %s", text);
        snprintf(s.text, sizeof s.text, "%s", text + lead);
    }
    bool same =
        s.there && b->shown.there && s.end == b->shown.end && strcmp(s.text, b->shown.text) == 0;
    b->shown = s;
    if (!s.there || same) return;
    b->shows++;
    judge(b, &s);
}

/* ---- Talking ----------------------------------------------------------------------- */

static void ask_status(struct typing *b)
{
    char id[32];
    snprintf(id, sizeof id, "%d", ++b->id);
    client_sendf(&b->client,
                 "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"espalier/status\",\"params\":{}}",
                 id);
}

static void take_status(struct typing *b, const cJSON *result)
{
    const cJSON *last = cJSON_GetObjectItemCaseSensitive(result, "lastCompletion");
    const cJSON *prompt = cJSON_GetObjectItemCaseSensitive(last, "promptTokens");
    const cJSON *cached = cJSON_GetObjectItemCaseSensitive(last, "cachedTokens");
    const cJSON *counters = cJSON_GetObjectItemCaseSensitive(result, "counters");
    const cJSON *kept = cJSON_GetObjectItemCaseSensitive(counters, "kept");
    if (!cJSON_IsNumber(prompt) || !cJSON_IsNumber(cached) || !cJSON_IsNumber(kept)) return;
    bool was_kept = kept->valuedouble > b->answered_by_rests;
    b->answered_by_rests = kept->valuedouble;
    if (was_kept) return; /* the rest of an earlier answer: nothing was evaluated */
    b->prompt += prompt->valuedouble;
    b->cached += cached->valuedouble;
}

static void note_latency(struct latencies *l, double ms)
{
    if (l->n < MAX_LATENCIES) l->ms[l->n++] = ms;
}

static void take(struct typing *b, const cJSON *message)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(message, "id");
    const cJSON *result = cJSON_GetObjectItemCaseSensitive(message, "result");
    if (!cJSON_IsNumber(id)) return;
    if (cJSON_HasObjectItem(message, "method")) {
        client_sendf(&b->client, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":null}", id->valueint);
        return;
    }
    if (cJSON_HasObjectItem(result, "counters")) {
        take_status(b, result);
        return;
    }
    if (!result) return; /* superseded */
    bool text = cJSON_GetArraySize(
                    cJSON_IsArray(result) ? result : cJSON_GetObjectItem(result, "items")) > 0;
    if (id->valueint != b->asked || b->asked_version != b->version) {
        b->late += text;
        return;
    }
    b->answers++;
    note_latency(&b->all, now_ms() - b->asked_at);
    if (text) note_latency(&b->with_text, now_ms() - b->asked_at);
    show(b, result);
    ask_status(b);
}

/* Reads what comes for so long. */
static void listen_for(struct typing *b, double ms)
{
    for (double until = now_ms() + ms, left; (left = until - now_ms()) > 0;) {
        bool timed_out;
        char *body = client_receive(&b->client, (int)left + 1, &timed_out);
        if (!body && !timed_out) client_fail(&b->client, "the server ended");
        cJSON *message = cJSON_Parse(body ? body : "");
        if (message) take(b, message);
        cJSON_Delete(message);
        free(body);
    }
}

static void request(struct typing *b)
{
    size_t line, column;
    typist_position(&b->typist, b->typist.cursor, &line, &column);
    b->asked = ++b->id;
    b->asked_version = b->version;
    b->asked_at = now_ms();
    b->requests++;
    client_sendf(&b->client,
                 "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"textDocument/inlineCompletion\","
                 "\"params\":{\"textDocument\":{\"uri\":\"%s\"},\"position\":{\"line\":%zu,"
                 "\"character\":%zu},\"context\":{\"triggerKind\":2}}}",
                 b->asked, b->uri, line, column);
}

/* before: the text before the edit, for its positions. */
static void send_change(struct typing *b, const struct typist *before, size_t start, size_t end,
                        const char *inserted)
{
    size_t line[2], column[2];
    typist_position(before, start, &line[0], &column[0]);
    typist_position(before, end, &line[1], &column[1]);
    char *quoted = client_quote(inserted);
    client_sendf(&b->client,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didChange\",\"params\":{"
                 "\"textDocument\":{\"uri\":\"%s\",\"version\":%d},\"contentChanges\":[{\"range\":{"
                 "\"start\":{\"line\":%zu,\"character\":%zu},\"end\":{\"line\":%zu,"
                 "\"character\":%zu}},\"text\":%s}]}}",
                 b->uri, ++b->version, line[0], column[0], line[1], column[1], quoted);
    free(quoted);
}

/* ---- A file ------------------------------------------------------------------------ */

/* A suggestion that the key typed along stays, less the key; every other one goes. */
static void type_along(struct suggestion *s, const struct typist_edit *edit)
{
    size_t n = strlen(edit->inserted);
    s->there = s->there && edit->changes && edit->start == edit->end && n < strlen(s->text) &&
               memcmp(s->text, edit->inserted, n) == 0;
    if (!s->there) return;
    memmove(s->text, s->text + n, strlen(s->text) + 1 - n);
    s->end += n;
}

static void step(struct typing *b, const struct typist_edit *edit, const struct typist *before)
{
    type_along(&b->shown, edit);
    if (edit->changes) send_change(b, before, edit->start, edit->end, edit->inserted);
    b->keys++;
    if (!b->neovim) request(b);
}

static void type_region(struct typing *b, size_t most)
{
    static struct typist before;
    struct typist_edit edit;
    size_t from = b->typist.cursor;
    while (b->typist.cursor < from + most) {
        before = b->typist;
        if (!typist_key(&b->typist, &edit)) break;
        struct typist after = b->typist;
        b->typist = before;
        double pause = edit.pause_ms / b->speed, wait = NEOVIM_WAIT_MS / b->speed;
        if (b->neovim && pause > wait) {
            listen_for(b, wait);
            request(b);
            pause -= wait;
        }
        listen_for(b, pause);
        struct suggestion *s = &b->shown;
        if (s->there && typist_wants(&b->typist, before.cursor, s->end, s->text, true)) {
            send_change(b, &before, before.cursor, s->end, s->text);
            b->taken++;
            b->kept += b->typist.cursor - before.cursor;
            s->there = false;
            if (!b->neovim) request(b);
            continue;
        }
        b->typist = after;
        step(b, &edit, &before);
    }
    b->characters += b->typist.cursor - from;
    listen_for(b, 300 / b->speed);
}

static void type_file(struct typing *b, const char *path, size_t most, uint64_t seed)
{
    static char text[TYPIST_MAX_TEXT];
    size_t start, end;
    FILE *file = fopen(path, "rb");
    size_t len = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file) fclose(file);
    text[len] = 0;
    b->lang = gram_by_path(path, text, len);
    if (!b->lang || len < 4 * most || !typist_region(text, len, most, seed, &start, &end) ||
        !typist_open(&b->typist, text, len, start, end, !b->neovim, seed))
        return;
    char *quoted = client_quote(b->typist.text);
    snprintf(b->uri, sizeof b->uri, "file://%s", path);
    b->version = 1;
    b->shown.there = false;
    client_sendf(
        &b->client,
        "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didOpen\",\"params\":{"
        "\"textDocument\":{\"uri\":\"%s\",\"languageId\":\"%s\",\"version\":1,\"text\":%s}}}",
        b->uri, b->lang->id, quoted);
    free(quoted);
    listen_for(b, 1000 / b->speed);
    type_region(b, most);
    b->files++;
    client_sendf(&b->client,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didClose\",\"params\":{"
                 "\"textDocument\":{\"uri\":\"%s\"}}}",
                 b->uri);
}

/* ---- The whole --------------------------------------------------------------------- */

static void begin(struct typing *b, char *server, char *model, const char *folder,
                  const char *options)
{
    char *argv[] = {server, "serve", "--model", model, NULL};
    bool timed_out;
    client_start(&b->client, "typing", argv);
    client_sendf(&b->client,
                 "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"initialize\",\"params\":{\"rootUri\":"
                 "\"file://%s\",\"initializationOptions\":%s,\"capabilities\":{\"general\":{"
                 "\"positionEncodings\":[\"utf-8\"]},\"textDocument\":{\"inlineCompletion\":{}}}}}",
                 ++b->id, folder, options);
    free(client_receive(&b->client, ANSWER_MS, &timed_out));
    client_send(&b->client, "{\"jsonrpc\":\"2.0\",\"method\":\"initialized\",\"params\":{}}");
    listen_for(b, 2000);
}

static double process_number(pid_t pid, const char *name)
{
    char path[64], line[256];
    double value = 0;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0) value = atof(line + strlen(name));
    if (file) fclose(file);
    return value;
}

static double cpu_seconds(pid_t pid)
{
    char path[64];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                       &system) != 2)
        user = system = 0;
    if (file) fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* l is sorted. */
static double percentile(const struct latencies *l, double share)
{
    return l->n ? l->ms[(size_t)(share * (double)(l->n - 1))] : 0;
}

static void report(struct typing *b, double cpu, double peak, bool json)
{
    qsort(b->all.ms, b->all.n, sizeof *b->all.ms, by_value);
    qsort(b->with_text.ms, b->with_text.n, sizeof *b->with_text.ms, by_value);
    const struct {
        const char *name;
        double value;
    } rows[] = {{"files", b->files},
                {"keys", b->keys},
                {"requests", b->requests},
                {"answers", b->answers},
                {"shown", b->shows},
                {"taken", b->taken},
                {"taken_share", b->shows ? (double)b->taken / b->shows : 0},
                {"kept_share", b->characters ? (double)b->kept / (double)b->characters : 0},
                {"valid_share", b->judged ? (double)b->valid / b->judged : 0},
                {"doubled", b->doubled},
                {"late", b->late},
                {"latency_p50_ms", percentile(&b->all, 0.5)},
                {"latency_p95_ms", percentile(&b->all, 0.95)},
                {"latency_p99_ms", percentile(&b->all, 0.99)},
                {"shown_p50_ms", percentile(&b->with_text, 0.5)},
                {"shown_p95_ms", percentile(&b->with_text, 0.95)},
                {"shown_p99_ms", percentile(&b->with_text, 0.99)},
                {"reused_share", b->prompt > 0 ? b->cached / b->prompt : 0},
                {"cpu_s_per_1000_keys", b->keys ? 1000 * cpu / b->keys : 0},
                {"peak_mb", peak / 1024}};
    size_t n = sizeof rows / sizeof *rows;
    for (size_t i = 0; i < n; i++)
        printf(json ? "%s\"%s\": %.4g%s" : "%s%-20s %.4g%s\n", json && i == 0 ? "{" : "",
               rows[i].name, rows[i].value, json ? i + 1 < n ? ", " : "}\n" : "");
}

int main(int argc, char **argv)
{
    static struct typing b;
    const char *options = "{\"cache\":{\"onDisk\":false},\"history\":{\"enabled\":false}}";
    size_t most = 160;
    uint64_t seed = 1;
    bool json = false;
    int at = 3;
    b.speed = 1;
    b.all.ms = malloc(MAX_LATENCIES * sizeof *b.all.ms);
    b.with_text.ms = malloc(MAX_LATENCIES * sizeof *b.with_text.ms);
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        json |= strcmp(argv[at], "--json") == 0;
        b.prints |= strcmp(argv[at], "--show") == 0;
        if (strcmp(argv[at], "--json") == 0 || strcmp(argv[at], "--show") == 0 || at + 1 == argc)
            continue;
        const char *value = argv[at + 1];
        if (strcmp(argv[at], "--client") == 0) b.neovim = strcmp(value, "neovim") == 0;
        if (strcmp(argv[at], "--speed") == 0) b.speed = atof(value);
        if (strcmp(argv[at], "--characters") == 0) most = (size_t)atoi(value);
        if (strcmp(argv[at], "--seed") == 0) seed = strtoull(value, NULL, 10);
        if (strcmp(argv[at], "--options") == 0) options = value;
        at++;
    }
    if (at >= argc || !b.all.ms || !b.with_text.ms || !(b.speed > 0) || most < 20) {
        fprintf(stderr, "usage: typing SERVER MODEL [OPTION]... FILE...; see typing.c\n");
        return 2;
    }
    char folder[1024] = "";
    double cpu = 0, peak = 0;
    for (int i = at; i < argc; i++) { /* a server for each folder, as a window would have it */
        char own[1024];
        snprintf(own, sizeof own, "%s", argv[i]);
        char *slash = strrchr(own, '/');
        if (slash) *slash = 0;
        if (strcmp(own, folder) != 0) {
            if (b.client.pid > 0) {
                cpu += cpu_seconds(b.client.pid);
                client_finish(&b.client);
            }
            snprintf(folder, sizeof folder, "%s", own);
            b.answered_by_rests = 0;
            begin(&b, argv[1], argv[2], folder, options);
        }
        type_file(&b, argv[i], most, seed + (uint64_t)(i - at));
        double now = process_number(b.client.pid, "VmHWM:");
        peak = now > peak ? now : peak;
    }
    cpu += cpu_seconds(b.client.pid);
    client_finish(&b.client);
    report(&b, cpu, peak, json);
    free(b.all.ms);
    free(b.with_text.ms);
    return 0;
}
