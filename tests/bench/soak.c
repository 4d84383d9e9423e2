/* soak: four people edit for hours with one daemon between them.
 *
 *   soak SERVER MODEL MINUTES KEYS FILE...
 *
 * KEYS a second, of all four together. Each types regions of the files again (typist.h), with
 * slips, undone edits, jumps to other places and files, takes suggestions that are exact, cancels
 * some requests, and now and then leaves in order, is killed, breaks off in a message or sends
 * rubbish, and comes back; others speak no protocol (tests/server/crowd.h). Each answer has to fit
 * the text as its client has it, and each request is answered once, or the run ends with a message
 * and exit code 1. Every minute one line: minutes, keys, answers, resident kB, threads, open files.
 * At the end memory has to be flat: the median of the last quarter's lines is at most 3 % and 4 MB
 * above the second quarter's, with as many threads and files, give or take those of the clients. */
#define _XOPEN_SOURCE 700 /* realpath */

#include "grammars/grammars.h"
#include "tests/bench/typist.h"
#include "tests/scratch/scratch.h"
#include "tests/server/crowd.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REGION = 400, MAX_LINES = 1000, GONE_MS = 1 };

struct person {
    struct crowd_place *place;
    struct typist typist;
    char text[TYPIST_MAX_TEXT], uri[64]; /* the file as it is to become */
    unsigned version, asked, asked_version, documents;
    size_t asked_cursor;
    bool open;
};

struct line {
    long kilobytes, threads, files;
};

struct soak {
    struct crowd crowd;
    struct person people[CROWD_PLACES];
    char **paths;
    size_t n_paths;
    uint64_t random;
    unsigned keys, requests, answers, shown, taken, cancelled;
    struct line lines[MAX_LINES];
    size_t n_lines;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- Documents --------------------------------------------------------------------- */

/* Where a file has bytes beyond ASCII, columns of bytes are not the protocol's. */
static bool read_file(const char *path, char *text, size_t *len)
{
    FILE *file = fopen(path, "rb");
    *len = file ? fread(text, 1, TYPIST_MAX_TEXT - 1, file) : 0;
    if (file) fclose(file);
    text[*len] = 0;
    for (size_t i = 0; i < *len; i++)
        if ((unsigned char)text[i] >= 0x80 || text[i] == '\r' || !text[i]) return false;
    return *len > 4 * REGION;
}

static void close_document(struct person *p)
{
    if (!p->open) return;
    client_sendf(&p->place->client,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didClose\",\"params\":{"
                 "\"textDocument\":{\"uri\":\"%s\"}}}",
                 p->uri);
    p->open = false;
}

static bool open_document(struct soak *s, struct person *p)
{
    size_t len, start, end;
    const char *path = s->paths[storm_below(&s->random, (unsigned)s->n_paths)];
    unsigned seed = storm_below(&s->random, 1u << 30);
    close_document(p);
    if (!read_file(path, p->text, &len) ||
        !typist_region(p->text, len, REGION, seed, &start, &end) ||
        !typist_open(&p->typist, p->text, len, start, end, seed & 1, seed))
        return false;
    const struct gram_language *lang = gram_by_path(path, p->text, len);
    char *quoted = client_quote(p->typist.text);
    snprintf(p->uri, sizeof p->uri, "untitled:%u", ++p->documents);
    p->version = 1;
    client_sendf(
        &p->place->client,
        "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didOpen\",\"params\":{"
        "\"textDocument\":{\"uri\":\"%s\",\"languageId\":\"%s\",\"version\":1,\"text\":%s}}}",
        p->uri, lang ? lang->id : "plaintext", quoted);
    free(quoted);
    p->open = true;
    return true;
}

/* before: the text before the change, for its positions. */
static void send_change(struct person *p, const struct typist *before, size_t start, size_t end,
                        const char *inserted, size_t n)
{
    size_t line[2], column[2];
    char with[4096];
    snprintf(with, sizeof with, "%.*s", (int)n, inserted);
    typist_position(before, start, &line[0], &column[0]);
    typist_position(before, end, &line[1], &column[1]);
    char *quoted = client_quote(with);
    client_sendf(&p->place->client,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didChange\",\"params\":{"
                 "\"textDocument\":{\"uri\":\"%s\",\"version\":%u},\"contentChanges\":[{\"range\":{"
                 "\"start\":{\"line\":%zu,\"character\":%zu},\"end\":{\"line\":%zu,"
                 "\"character\":%zu}},\"text\":%s}]}}",
                 p->uri, ++p->version, line[0], column[0], line[1], column[1], quoted);
    free(quoted);
}

static void ask(struct soak *s, struct person *p)
{
    size_t line, column;
    typist_position(&p->typist, p->typist.cursor, &line, &column);
    p->asked = ++p->place->storm.id;
    p->asked_version = p->version;
    p->asked_cursor = p->typist.cursor;
    s->requests++;
    client_sendf(&p->place->client,
                 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"textDocument/%s\",\"params\":{"
                 "\"textDocument\":{\"uri\":\"%s\"},\"position\":{\"line\":%zu,\"character\":%zu},"
                 "\"context\":{\"triggerKind\":%u}}}",
                 p->asked, storm_below(&s->random, 20) ? "inlineCompletion" : "completion", p->uri,
                 line, column, 1 + storm_below(&s->random, 2));
}

/* ---- Answers ----------------------------------------------------------------------- */

static size_t offset_of(const struct typist *t, const cJSON *range, const char *name)
{
    const cJSON *at = cJSON_GetObjectItemCaseSensitive(range, name);
    const cJSON *line = cJSON_GetObjectItemCaseSensitive(at, "line");
    const cJSON *column = cJSON_GetObjectItemCaseSensitive(at, "character");
    if (!cJSON_IsNumber(line) || !cJSON_IsNumber(column)) return SIZE_MAX;
    return typist_offset(t, (size_t)line->valueint, (size_t)column->valueint);
}

/* An inline suggestion has to stand around the cursor and begin with what is there; where it is
 * just what would be typed next, it is taken. */
static void look_at(struct soak *s, struct person *p, const cJSON *item)
{
    static struct typist before;
    struct typist *t = &p->typist;
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "insertText"));
    const cJSON *range = cJSON_GetObjectItemCaseSensitive(item, "range");
    if (!text || !range) return;
    size_t start = offset_of(t, range, "start"), end = offset_of(t, range, "end");
    if (start > t->cursor || end < t->cursor || end > t->len || strlen(text) <= t->cursor - start ||
        memcmp(text, t->text + start, t->cursor - start) != 0)
        client_fail(&p->place->client, "a suggestion that does not fit the cursor: %s", text);
    s->shown++;
    before = *t;
    text += t->cursor - start;
    if (strlen(text) >= 4096 || !typist_wants(t, t->cursor, end, text, true)) return;
    send_change(p, &before, before.cursor, end, text, strlen(text));
    s->taken++;
}

static void take(struct soak *s, struct person *p, const cJSON *message)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(message, "id");
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(message, "error");
    const cJSON *result = cJSON_GetObjectItemCaseSensitive(message, "result");
    if (!cJSON_IsNumber(id) || cJSON_HasObjectItem(message, "method")) return;
    if (error) {
        const cJSON *code = cJSON_GetObjectItemCaseSensitive(error, "code");
        if (!cJSON_IsNumber(code) || code->valueint != -32800)
            client_fail(&p->place->client, "not a cancel: %s",
                        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "message")));
        s->cancelled++;
        return;
    }
    s->answers++;
    if ((unsigned)id->valueint != p->asked || p->asked_version != p->version ||
        p->asked_cursor != p->typist.cursor || !p->open)
        return; /* the person is further on */
    const cJSON *items = cJSON_IsArray(result) ? result : cJSON_GetObjectItem(result, "items");
    look_at(s, p, cJSON_GetArrayItem(items, 0));
}

static void listen_to(struct soak *s, struct person *p, int ms)
{
    bool timed_out = false;
    char *body;
    while (p->place->there && (body = client_receive(&p->place->client, ms, &timed_out))) {
        cJSON *message = cJSON_Parse(body);
        if (!message) client_fail(&p->place->client, "no JSON: %s", body);
        take(s, p, message);
        cJSON_Delete(message);
        free(body);
    }
    if (p->place->there && !timed_out) client_fail(&p->place->client, "the server ended");
}

/* ---- Editing ----------------------------------------------------------------------- */

static void press_key(struct soak *s, struct person *p)
{
    static struct typist before;
    struct typist_edit edit;
    before = p->typist;
    if (!p->open || !typist_key(&p->typist, &edit)) {
        open_document(s, p);
        return;
    }
    s->keys++;
    size_t n = strlen(edit.inserted);
    if (edit.changes) send_change(p, &before, edit.start, edit.end, edit.inserted, n);
    if (edit.changes && edit.start == edit.end && storm_below(&s->random, 30) == 0) { /* undone */
        send_change(p, &p->typist, edit.start, edit.start + n, "", 0);
        p->typist = before;
    }
    if (storm_below(&s->random, 10)) ask(s, p);
    if (p->asked && storm_below(&s->random, 20) == 0)
        client_sendf(&p->place->client,
                     "{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",\"params\":{\"id\":%u}}",
                     p->asked);
}

static void come(struct soak *s, struct person *p)
{
    crowd_come(&s->crowd, p->place, storm_below(&s->random, 2));
    p->open = false;
    p->asked = 0;
}

static void step(struct soak *s)
{
    struct person *p = &s->people[storm_below(&s->random, CROWD_PLACES)];
    struct crowd *crowd = &s->crowd;
    if (!p->place->there)
        come(s, p);
    else if (p->place->client.n_ids > CLIENT_MAX_IDS - 64 || storm_below(&s->random, 1500) == 0)
        crowd_leave(crowd, p->place);
    else if (storm_below(&s->random, 1500) == 0)
        crowd_vanish(crowd, p->place, storm_below(&s->random, 3));
    else if (storm_below(&s->random, 500) == 0)
        crowd_vandalise(crowd, &s->random);
    else if (storm_below(&s->random, 300) == 0)
        open_document(s, p);
    else
        press_key(s, p);
}

/* ---- Measuring --------------------------------------------------------------------- */

static long open_files(pid_t pid)
{
    char path[64];
    long n = 0;
    snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
    DIR *dir = opendir(path);
    while (dir && readdir(dir))
        n++;
    if (dir) closedir(dir);
    return n;
}

static void measure(struct soak *s, double minutes)
{
    if (s->n_lines == MAX_LINES) return;
    struct line *line = &s->lines[s->n_lines++];
    *line = (struct line){crowd_number(&s->crowd, "VmRSS:"), crowd_number(&s->crowd, "Threads:"),
                          open_files(s->crowd.daemon)};
    printf("%.0f\t%u\t%u\t%ld\t%ld\t%ld\n", minutes, s->keys, s->answers, line->kilobytes,
           line->threads, line->files);
    fflush(stdout);
}

static int by_size(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;
    return x < y ? -1 : x > y;
}

/* The median of what lines [from, to) have at byte `field` of a line. */
static long median(const struct soak *s, size_t from, size_t to, size_t field)
{
    long values[MAX_LINES];
    for (size_t i = from; i < to; i++)
        memcpy(&values[i - from], (const char *)&s->lines[i] + field, sizeof values[0]);
    qsort(values, to - from, sizeof values[0], by_size);
    return to > from ? values[(to - from) / 2] : 0;
}

static bool is_flat(const struct soak *s)
{
    size_t q = s->n_lines / 4;
    long before = median(s, q, 2 * q, offsetof(struct line, kilobytes));
    long after = median(s, 3 * q, s->n_lines, offsetof(struct line, kilobytes));
    bool flat = after <= before + before * 3 / 100 + 4096;
    for (int i = 0; i < 2; i++) {
        size_t field = i ? offsetof(struct line, threads) : offsetof(struct line, files);
        flat = flat && labs(median(s, 3 * q, s->n_lines, field) - median(s, q, 2 * q, field)) <= 6;
    }
    printf("resident: %ld kB in the second quarter, %ld kB in the last: %s\n", before, after,
           flat ? "flat" : "NOT FLAT");
    return flat;
}

int main(int argc, char **argv)
{
    static struct soak s;
    static char options[PATH_MAX + 64];
    char model[PATH_MAX]; /* the daemon starts in another folder */
    if (argc < 6 || atof(argv[3]) <= 0 || atof(argv[4]) <= 0) {
        fprintf(stderr, "usage: soak SERVER MODEL MINUTES KEYS FILE...\n");
        return 2;
    }
    if (!realpath(argv[2], model)) {
        fprintf(stderr, "soak: %s: no such model file\n", argv[2]);
        return 2;
    }
    double minutes = atof(argv[3]), pause = 1000 / atof(argv[4]), began = now_s();
    s.paths = argv + 5;
    s.n_paths = (size_t)argc - 5;
    s.random = 5;
    snprintf(options, sizeof options, "{\"model\":\"%s\",\"cache\":{\"onDisk\":false}}", model);
    crowd_open(&s.crowd, argv[1], options);
    for (int i = 0; i < CROWD_PLACES; i++)
        s.people[i].place = &s.crowd.places[i];
    printf("minute\tkeys\tanswers\tresident_kB\tthreads\tfiles\n");
    for (double at; (at = (now_s() - began) / 60) < minutes;) {
        step(&s);
        double until = now_s() + pause / 1000;
        for (int i = 0; now_s() < until; i++)
            listen_to(&s, &s.people[i % CROWD_PLACES], GONE_MS + (int)(pause / 8));
        if (at >= (double)(s.n_lines + 1) * (minutes < 60 ? minutes / 60 : 1)) measure(&s, at);
    }
    crowd_check(&s.crowd, crowd_daemon(&s.crowd) == s.crowd.daemon, "it is still the same daemon");
    crowd_check(&s.crowd, s.shown > 0, "requests bring suggestions");
    bool flat = is_flat(&s);
    for (int i = 0; i < CROWD_PLACES; i++)
        if (s.crowd.places[i].there) crowd_leave(&s.crowd, &s.crowd.places[i]);
    crowd_check_gone(&s.crowd);
    printf("%u keys, %u requests, %u answers, %u cancelled, %u with a suggestion, %u taken; %u "
           "sessions "
           "ended in order, %u not, %u vandals\n",
           s.keys, s.requests, s.answers, s.cancelled, s.shown, s.taken, s.crowd.orderly,
           s.crowd.abrupt, s.crowd.vandals);
    scratch_remove(s.crowd.folder);
    return flat ? 0 : 1;
}
