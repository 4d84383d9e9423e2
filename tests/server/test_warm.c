/* What one server has evaluated, the next one in the same folder starts with.
 *
 *   test_warm SERVER MODEL */
#include "tests/server/client.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct warm {
    struct client client;
    const char *program, *model;
};

static int number(const cJSON *object, const char *part, const char *name)
{
    const cJSON *in = part ? cJSON_GetObjectItemCaseSensitive(object, part) : object;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(in, name);
    return cJSON_IsNumber(item) ? item->valueint : -1;
}

/* One server's life: a file is opened and completed in. Returns the sequences it found. */
static int live(struct warm *w, const char *name, const char *folder, bool on_disk)
{
    struct client *client = &w->client;
    char *argv[] = {(char *)w->program, "serve", "--model", (char *)w->model, NULL};
    char params[4096];
    memset(client, 0, sizeof *client);
    client_start(client, name, argv);
    snprintf(params, sizeof params,
             "{\"processId\":null,\"rootUri\":\"%s\",\"capabilities\":{},"
             "\"initializationOptions\":{\"cache\":{\"onDisk\":%s}}}",
             folder, on_disk ? "true" : "false");
    cJSON_Delete(client_ask(client, 1, "initialize", params));
    client_send(client, "{\"jsonrpc\":\"2.0\",\"method\":\"initialized\",\"params\":{}}");
    char text[2048] = "";
    for (int i = 0; i < 20; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "value_%d = compute(%d)\\n", i,
                 i);
    client_sendf(client,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didOpen\",\"params\":"
                 "{\"textDocument\":{\"uri\":\"file:///w/a.py\",\"languageId\":\"python\","
                 "\"version\":1,\"text\":\"%s\"}}}",
                 text);
    int id = 2;
    cJSON *status;
    for (;;) { /* until the model is there */
        status = client_ask(client, id++, "espalier/status", "{}");
        if (number(status, "model", "context") > 0) break;
        cJSON_Delete(status);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    int warm = number(status, "model", "warmSequences");
    cJSON_Delete(status);
    cJSON_Delete(
        client_ask(client, id++, "textDocument/inlineCompletion",
                   "{\"textDocument\":{\"uri\":\"file:///w/a.py\"},\"position\":{\"line\":18,"
                   "\"character\":11},\"context\":{\"triggerKind\":1}}"));
    status = client_ask(client, id++, "espalier/status", "{}");
    int prompt = number(status, "lastCompletion", "promptTokens");
    int cached = number(status, "lastCompletion", "cachedTokens");
    cJSON_Delete(status);
    if (prompt <= 0) client_fail(client, "nothing was completed");
    if (warm > 0 && cached < prompt - 1)
        client_fail(client, "%d of %d tokens were cached, expected all but one", cached, prompt);
    cJSON_Delete(client_ask(client, id, "shutdown", "null"));
    client_send(client, "{\"jsonrpc\":\"2.0\",\"method\":\"exit\"}");
    int code = client_finish(client);
    if (code != 0) client_fail(client, "exit code %d", code);
    return warm;
}

static void check(const struct warm *w, bool ok, const char *what)
{
    if (!ok) client_fail(&w->client, "%s", what);
}

/* The only snapshot of the folder; false when there is none. */
static bool find_snapshot(const char *folder, char *out, size_t capacity)
{
    DIR *dir = opendir(folder);
    bool found = false;
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        if (strncmp(entry->d_name, "sequences-", 10) != 0) continue;
        snprintf(out, capacity, "%s/%s", folder, entry->d_name);
        found = true;
    }
    if (dir) closedir(dir);
    return found;
}

int main(int argc, char **argv)
{
    static struct warm w;
    if (argc < 3) {
        fprintf(stderr, "usage: test_warm SERVER MODEL\n");
        return 2;
    }
    w.program = argv[1];
    w.model = argv[2];
    char home[] = "/tmp/espalier-warm-XXXXXX", cache[64], folder[96], path[512] = "";
    struct stat facts;
    if (!mkdtemp(home)) return 2;
    snprintf(cache, sizeof cache, "%s/cache", home);
    snprintf(folder, sizeof folder, "%s/espalier", cache);
    setenv("XDG_CACHE_HOME", cache, 1);

    check(&w, live(&w, "not on disk", "file:///w", false) == 0, "a new cache is not empty");
    check(&w, stat(folder, &facts) != 0, "something was written that should not");
    check(&w, live(&w, "cold", "file:///w", true) == 0, "a new cache is not empty");
    check(&w, find_snapshot(folder, path, sizeof path), "nothing was written");
    check(&w, stat(folder, &facts) == 0 && (facts.st_mode & 0777) == 0700, "others may look in");
    check(&w, live(&w, "warm", "file:///w", true) > 0, "the cache is empty");
    check(&w, live(&w, "another folder", "file:///v", true) == 0, "another folder's was taken");
    check(&w, live(&w, "warm again", "file:///w", true) > 0, "the cache is empty");
    check(&w, find_snapshot(folder, path, sizeof path) && truncate(path, 5000) == 0, "no file");
    live(&w, "torn, one of both", "file:///w", true);
    live(&w, "torn, one of both", "file:///v", true);
    check(&w, live(&w, "mended", "file:///w", true) > 0, "the cache is empty");

    while (find_snapshot(folder, path, sizeof path))
        unlink(path);
    rmdir(folder);
    rmdir(cache);
    rmdir(home);
    printf("ok\n");
    return 0;
}
