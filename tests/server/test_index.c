/* The workspace index in the real server: it is built with progress, follows what changes, is
 * there again in the next server, is shared by the windows of one folder, and keeps nobody waiting.
 *
 *   test_index SERVER MODEL
 *   test_index SERVER MODEL --typing FOLDER FILE    types into a file of a large folder while it
 *                                                   is indexed and afterwards: how long answers
 * take
 */
#include "tests/scratch/scratch.h"
#include "tests/server/client.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MS = 60000, FILES = 600, KEYS = 200, KEY_MS = 60 };

struct session {
    struct client client;
    const char *program, *model;
    int id;
    int begun, reported, ended; /* progress of the index */
    int watches;                /* registrations for files */
    bool shared;                /* by the daemon */
};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void pause_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

/* ---- Talking ------------------------------------------------------------------------- */

/* Requests are granted, progress is counted. */
static void take(struct session *s, const cJSON *message)
{
    const char *method = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, "method"));
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(message, "id");
    const cJSON *params = cJSON_GetObjectItemCaseSensitive(message, "params");
    if (!method) return;
    if (strcmp(method, "client/registerCapability") == 0) {
        char *text = cJSON_PrintUnformatted(params);
        s->watches += strstr(text, "workspace/didChangeWatchedFiles") != NULL;
        free(text);
    }
    if (cJSON_IsNumber(id))
        client_sendf(&s->client, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":null}", id->valueint);
    const char *token = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, "token"));
    if (strcmp(method, "$/progress") != 0 || !token || strcmp(token, "espalier/index") != 0) return;
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(params, "value");
    const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(value, "kind"));
    s->begun += strcmp(kind, "begin") == 0;
    s->reported += strcmp(kind, "report") == 0;
    s->ended += strcmp(kind, "end") == 0;
}

/* The result of a request, which the caller deletes; NULL for an error. */
static cJSON *ask(struct session *s, const char *method, const char *params)
{
    int own = ++s->id;
    client_sendf(&s->client, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":%s}", own,
                 method, params);
    for (;;) {
        bool timed_out = false;
        char *body = client_receive(&s->client, ANSWER_MS, &timed_out);
        if (!body) client_fail(&s->client, "no answer to %s", method);
        cJSON *message = cJSON_Parse(body);
        free(body);
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(message, "id");
        if (!cJSON_HasObjectItem(message, "method") && cJSON_IsNumber(id) && id->valueint == own) {
            cJSON *result = cJSON_DetachItemFromObjectCaseSensitive(message, "result");
            cJSON_Delete(message);
            return result;
        }
        take(s, message);
        cJSON_Delete(message);
    }
}

static double number(const cJSON *object, const char *part, const char *name)
{
    const cJSON *in = part ? cJSON_GetObjectItemCaseSensitive(object, part) : object;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(in, name);
    return cJSON_IsNumber(item) ? item->valuedouble : -1;
}

/* A number of espalier/status. */
static double status(struct session *s, const char *part, const char *name)
{
    cJSON *result = ask(s, "espalier/status", "{}");
    double value = number(result, part, name);
    cJSON_Delete(result);
    return value;
}

static bool index_is(struct session *s, const char *state)
{
    cJSON *result = ask(s, "espalier/status", "{}");
    const cJSON *index = cJSON_GetObjectItemCaseSensitive(result, "index");
    const char *got = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(index, "state"));
    bool same = got && strcmp(got, state) == 0;
    cJSON_Delete(result);
    return same;
}

static void check(struct session *s, bool ok, const char *what)
{
    if (!ok) client_fail(&s->client, "%s", what);
}

static void wait_for_index(struct session *s)
{
    for (double began = now_ms(); !index_is(s, "ready"); pause_ms(10))
        check(s, now_ms() - began < 20 * ANSWER_MS, "the index is never ready");
}

/* Until a number of the index is the one expected. Its thread has the lowest priority: on a machine
 * with other work it waits long. */
static void wait_for(struct session *s, const char *name, double expected)
{
    double began = now_ms();
    while (status(s, "index", name) != expected) {
        check(s, now_ms() - began < 5 * ANSWER_MS, name);
        pause_ms(10);
    }
}

static void begin(struct session *s, const char *name, const char *folder, const char *options)
{
    char *argv[] = {
        (char *)s->program, "serve", "--model", (char *)s->model, s->shared ? "--shared" : NULL,
        "--idle",           "1",     NULL};
    char params[4096];
    memset(&s->client, 0, sizeof s->client);
    s->id = s->begun = s->reported = s->ended = s->watches = 0;
    client_start(&s->client, name, argv);
    snprintf(params, sizeof params,
             "{\"processId\":null,\"rootUri\":\"file://%s\",\"capabilities\":{\"window\":"
             "{\"workDoneProgress\":true},\"workspace\":{\"didChangeWatchedFiles\":"
             "{\"dynamicRegistration\":true}}},\"initializationOptions\":%s}",
             folder, options);
    cJSON_Delete(ask(s, "initialize", params));
    client_send(&s->client, "{\"jsonrpc\":\"2.0\",\"method\":\"initialized\",\"params\":{}}");
    while (status(s, "model", "context") <= 0)
        pause_ms(20);
}

static void end(struct session *s)
{
    cJSON_Delete(ask(s, "shutdown", "null"));
    client_send(&s->client, "{\"jsonrpc\":\"2.0\",\"method\":\"exit\"}");
    int code = client_finish(&s->client);
    if (code != 0) client_fail(&s->client, "exit code %d", code);
}

static void open_file(struct session *s, const char *uri, const char *language, const char *text)
{
    char *quoted = client_quote(text);
    client_sendf(&s->client,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didOpen\",\"params\":"
                 "{\"textDocument\":{\"uri\":\"%s\",\"languageId\":\"%s\",\"version\":1,"
                 "\"text\":%s}}}",
                 uri, language, quoted);
    free(quoted);
}

static void complete(struct session *s, const char *uri, int line, int character)
{
    char params[1024];
    snprintf(params, sizeof params,
             "{\"textDocument\":{\"uri\":\"%s\"},\"position\":{\"line\":%d,\"character\":%d},"
             "\"context\":{\"triggerKind\":1}}",
             uri, line, character);
    cJSON_Delete(ask(s, "textDocument/inlineCompletion", params));
}

/* ---- A small workspace ------------------------------------------------------------------ */

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) exit(2);
}

static void remove_file(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

/* The daemon takes its socket away when it ends. */
static bool has_daemon(const char *run)
{
    char path[128];
    bool found = false;
    snprintf(path, sizeof path, "%s/espalier", run);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
        found |= strstr(entry->d_name, ".sock.lock") != NULL;
    if (dir) closedir(dir);
    return found;
}

static void changed(struct session *s, const char *folder, const char *name)
{
    client_sendf(&s->client,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"workspace/didChangeWatchedFiles\",\"params\":"
                 "{\"changes\":[{\"uri\":\"file://%s/%s\",\"type\":2}]}}",
                 folder, name);
}

/* Files a0.py ...; each defines a function of its own, and none is a module of the others. */
static void make_workspace(const char *folder)
{
    char name[64], text[256];
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "a%d.py", i);
        snprintf(text, sizeof text, "def function_number_%d(first, second):\n    return first\n",
                 i);
        write_file(folder, name, text);
    }
    write_file(folder, ".gitignore", "ignored.py\n");
    write_file(folder, "ignored.py", "def ignored_function():\n    pass\n");
}

static bool find_cache(const char *folder, mode_t *mode)
{
    DIR *dir = opendir(folder);
    bool found = false;
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        char path[512];
        struct stat info;
        if (strncmp(entry->d_name, "index-", 6) != 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        found = stat(path, &info) == 0;
        *mode = info.st_mode & 0777;
    }
    if (dir) closedir(dir);
    return found;
}

static const char options[] = "{\"context\":{\"used\":true,\"tokens\":128}}";

/* What files near the document say is there, is another document's when one turns to that, and goes
 * when it is switched off. */
static void check_near(struct session *s, const char *uri)
{
    double began = now_ms(), all = 0;
    while ((all = status(s, "index", "nearTokens")) <= 0) {
        check(s, now_ms() - began < ANSWER_MS, "nothing is known of files near by");
        pause_ms(10);
    }
    open_file(s, "file:///elsewhere/alone.py", "python", "x = ");
    complete(s, "file:///elsewhere/alone.py", 0, 4);
    check(s, status(s, "index", "nearTokens") == 0, "a file outside has no neighbours");
    complete(s, uri, 8, 0);
    wait_for(s, "nearTokens", all);
    client_send(&s->client,
                "{\"jsonrpc\":\"2.0\",\"method\":\"workspace/didChangeConfiguration\",\"params\":"
                "{\"settings\":{\"espalier\":{\"context\":{\"near\":false}}}}}");
    check(s, status(s, "index", "nearTokens") == 0, "it is switched off");
}

static void check_first(struct session *s, const char *folder)
{
    char uri[256];
    begin(s, "first", folder, options);
    check(s, s->watches == 1, "changes of files are not asked for");
    wait_for_index(s);
    check(s, status(s, "index", "files") == FILES, "not all files are there");
    check(s, status(s, "index", "symbols") == FILES, "not all definitions are there");
    /* A walk may be over before the client has agreed to see its progress. */
    for (double began = now_ms(); s->begun != s->ended; pause_ms(10)) {
        check(s, now_ms() - began < ANSWER_MS, "progress that began has not ended");
        status(s, "index", "files");
    }
    check(s, s->begun <= 1 && (s->begun == 1 || s->reported == 0), "progress of nothing");
    /* A name that another file defines brings that file's header into the prompt. */
    snprintf(uri, sizeof uri, "file://%s/use.py", folder);
    open_file(s, uri, "python", "import a7\n\nfunction_number_7(1, 2)\n\n\n\n\n\n\n");
    wait_for(s, "files", FILES + 1);
    complete(s, uri, 8, 0);
    check(s, status(s, "lastCompletion", "contextTokens") > 0, "nothing of other files was shown");
    check_near(s, uri);
    /* What is on disk changes. */
    write_file(folder, "b.py", "def another(x):\n    pass\ndef one_more(y):\n    pass\n");
    changed(s, folder, "b.py");
    wait_for(s, "files", FILES + 2);
    changed(s, folder, "ignored.py");
    remove_file(folder, "b.py");
    changed(s, folder, "b.py");
    wait_for(s, "files", FILES + 1);
    end(s);
}

/* ---- Several windows -------------------------------------------------------------------- */

static const char user_text[] = "import typed\n\nonly_typed_here(1, 2)\n\n\n\n\n\n\n";
static const char used_only[] = "{\"context\":{\"used\":true,\"recent\":false,\"tokens\":128}}";

/* Tokens of other files that the prompt at the end of user.py has. */
static double context_at_end(struct session *s, const char *uri)
{
    complete(s, uri, 8, 0);
    return status(s, "lastCompletion", "contextTokens");
}

/* What is not saved is its window's alone; what is saved is everybody's. */
static void check_buffers(struct session *a, struct session *b, const char *folder)
{
    static const char typed[] = "def only_typed_here(first, second):\n    return second\n";
    char user[256], uri[256];
    snprintf(user, sizeof user, "file://%s/user.py", folder);
    snprintf(uri, sizeof uri, "file://%s/typed.py", folder);
    open_file(a, uri, "python", typed);
    open_file(a, user, "python", user_text);
    wait_for(a, "files", FILES + 2);
    open_file(b, user, "python", user_text);
    wait_for(b, "files", FILES + 3);
    check(a, context_at_end(a, user) > 0, "the window that typed it does not see it");
    check(b, context_at_end(b, user) == 0, "another window's unsaved text is seen");
    write_file(folder, "typed.py", typed);
    changed(a, folder, "typed.py");
    for (double began = now_ms(); context_at_end(b, user) <= 0; pause_ms(20))
        check(b, now_ms() - began < ANSWER_MS, "what another window saved is not seen");
    check(a, context_at_end(a, user) > 0, "the window that saved it does not see it");
}

/* Two windows of a folder, a third with other settings; they leave, and one comes again. */
static void check_windows(const struct session *like, const char *folder)
{
    static struct session a, b, other;
    a = b = other = *like;
    a.shared = b.shared = other.shared = true;
    begin(&a, "the first window", folder, used_only);
    begin(&b, "the second window", folder, used_only);
    begin(&other, "a window with other settings", folder, "{\"index\":{\"maxFiles\":10}}");
    wait_for(&a, "files", FILES);
    wait_for_index(&b);
    wait_for(&other, "files", 10);
    check(&a, status(&a, "index", "windows") == 2, "the first window does not share");
    check(&b, status(&b, "index", "windows") == 2, "the second window does not share");
    check(&other, status(&other, "index", "windows") == 1, "other settings are shared");
    check(&b, status(&b, "index", "walks") == 1, "the folder was walked again");
    check_buffers(&a, &b, folder);
    end(&a);
    wait_for(&b, "windows", 1);
    wait_for(&b, "files", FILES + 2);
    write_file(folder, "b.py", "def of_the_second(x):\n    pass\n");
    changed(&b, folder, "b.py");
    wait_for(&b, "files", FILES + 3);
    check(&b, status(&b, "index", "walks") == 1, "the folder was walked again");
    end(&other);
    end(&b);
    begin(&a, "the window that comes again", folder, used_only);
    wait_for_index(&a);
    wait_for(&a, "files", FILES + 2);
    check(&a, status(&a, "index", "windows") == 1, "who has left is counted");
    end(&a);
    remove_file(folder, "b.py");
    remove_file(folder, "typed.py");
}

static void check_options(struct session *s, const char *folder)
{
    begin(s, "switched off", folder, "{\"index\":{\"enabled\":false}}");
    pause_ms(100);
    check(s, index_is(s, "off"), "it is not off");
    check(s, status(s, "index", "files") == 0, "it has files");
    /* Switched on while the server runs, then limited. */
    client_send(&s->client,
                "{\"jsonrpc\":\"2.0\",\"method\":\"workspace/didChangeConfiguration\",\"params\":"
                "{\"settings\":{\"espalier\":{\"index\":{\"enabled\":true}}}}}");
    wait_for(s, "files", FILES);
    client_send(&s->client,
                "{\"jsonrpc\":\"2.0\",\"method\":\"workspace/didChangeConfiguration\",\"params\":"
                "{\"settings\":{\"espalier\":{\"index\":{\"maxFiles\":10}}}}}");
    wait_for(s, "files", 10);
    wait_for(s, "passedOver", FILES - 10);
    end(s);
}

/* ---- Typing in a large one -------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void type_keys(struct session *s, const char *uri, int line, int *version, const char *when)
{
    static double ms[KEYS];
    double before = status(s, NULL, "longestTurnMs"), prompt = 0, cached = 0;
    for (int i = 0; i < KEYS; i++) {
        double began = now_ms();
        client_sendf(&s->client,
                     "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didChange\",\"params\":"
                     "{\"textDocument\":{\"uri\":\"%s\",\"version\":%d},\"contentChanges\":[{"
                     "\"range\":{\"start\":{\"line\":%d,\"character\":%d},\"end\":{\"line\":%d,"
                     "\"character\":%d}},\"text\":\"%c\"}]}}",
                     uri, ++*version, line, i % 40, line, i % 40, "value_of_it "[i % 12]);
        complete(s, uri, line, i % 40 + 1);
        ms[i] = now_ms() - began;
        if (i > 0) prompt += status(s, "lastCompletion", "promptTokens");
        if (i > 0) cached += status(s, "lastCompletion", "cachedTokens");
        double rest = KEY_MS - (now_ms() - began);
        if (rest > 0) pause_ms((int)rest);
    }
    qsort(ms, KEYS, sizeof *ms, by_value);
    printf("%s: p50 %.1f p95 %.1f p99 %.1f ms; longest turn before %.1f, after %.1f ms; %.1f %% of "
           "prompt tokens reused; index: %.0f files\n",
           when, ms[KEYS / 2], ms[KEYS * 95 / 100], ms[KEYS * 99 / 100], before,
           status(s, NULL, "longestTurnMs"), 100 * cached / prompt, status(s, "index", "files"));
}

static int measure(struct session *s, const char *folder, const char *path)
{
    static char text[1 << 20];
    char uri[512];
    FILE *file = fopen(path, "rb");
    if (!file) return 2;
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    int line = 0, version = 1;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        line++;
    snprintf(uri, sizeof uri, "file://%s", path);
    begin(s, "typing", folder, "{\"cache\":{\"onDisk\":false}}");
    open_file(s, uri, strrchr(path, '.') + 1, text);
    type_keys(s, uri, line / 2, &version, index_is(s, "ready") ? "already indexed" : "indexing");
    printf("%s after the first keys\n", index_is(s, "ready") ? "ready" : "still indexing");
    wait_for_index(s);
    printf("index: %.0f files, %.0f definitions, %.1f MB, %.1f s\n", status(s, "index", "files"),
           status(s, "index", "symbols"), status(s, "index", "bytes") / 1e6,
           status(s, "index", "seconds"));
    type_keys(s, uri, line / 2, &version, "indexed");
    end(s);
    return 0;
}

int main(int argc, char **argv)
{
    static struct session s;
    if (argc < 3) {
        fprintf(stderr, "usage: test_index SERVER MODEL [--typing FOLDER FILE]\n");
        return 2;
    }
    s.program = argv[1];
    s.model = argv[2];
    if (argc > 5 && strcmp(argv[3], "--typing") == 0) return measure(&s, argv[4], argv[5]);
    char home[] = "/tmp/espalier-index-XXXXXX", cache[64], kept[96], folder[64], run[64];
    mode_t mode = 0;
    struct stat info;
    if (!mkdtemp(home)) return 2;
    snprintf(cache, sizeof cache, "%s/cache", home);
    snprintf(kept, sizeof kept, "%s/espalier", cache);
    snprintf(folder, sizeof folder, "%s/w", home);
    mkdir(folder, 0700);
    snprintf(run, sizeof run, "%s/run", home);
    mkdir(run, 0700);
    setenv("XDG_RUNTIME_DIR", run, 1);
    setenv("XDG_CACHE_HOME", cache, 1);
    make_workspace(folder);

    check_first(&s, folder);
    check(&s, find_cache(kept, &mode), "no index was kept");
    check(&s, mode == 0600, "others may read the index");
    check(&s, stat(kept, &info) == 0 && (info.st_mode & 0777) == 0700, "others may look in");
    begin(&s, "second", folder, options);
    wait_for(&s, "files", FILES);
    end(&s);
    check_options(&s, folder);
    check_windows(&s, folder);
    for (int i = 0; has_daemon(run) && i < 600; i++)
        pause_ms(100);
    scratch_remove(home);
    printf("ok\n");
    return 0;
}
