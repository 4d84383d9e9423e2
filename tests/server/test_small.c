/* A server on a small machine: one processor, 4 GB. It answers, and then it sleeps. With less
 * memory than its model needs it says so and goes on without one.
 *
 *   test_small SERVER MODEL [KILOBYTES]... */
#if defined(__linux__)
#define _GNU_SOURCE /* sched_setaffinity */
#endif
#include "tests/server/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__linux__)
#include <sched.h>
#include <unistd.h>

struct machine {
    struct client client;
    const char *program, *model;
};

static void nap(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* Starts a server that may have so many kilobytes of address space. */
static void start(struct machine *m, const char *name, const char *kilobytes)
{
    char script[64];
    snprintf(script, sizeof script, "ulimit -v %s && exec \"$@\"", kilobytes);
    char *argv[] = {"/bin/sh", "-c",      script,           "sh", (char *)m->program,
                    "serve",   "--model", (char *)m->model, NULL};
    memset(&m->client, 0, sizeof m->client);
    client_start(&m->client, name, argv);
    cJSON_Delete(client_ask(&m->client, 1, "initialize",
                            "{\"processId\":null,\"rootUri\":null,\"capabilities\":{}}"));
    client_send(&m->client, "{\"jsonrpc\":\"2.0\",\"method\":\"initialized\",\"params\":{}}");
    client_send(&m->client,
                "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didOpen\",\"params\":"
                "{\"textDocument\":{\"uri\":\"file:///w/a.py\",\"languageId\":\"python\","
                "\"version\":1,\"text\":\"a = f(1)\\nb = f(2)\\nc = \"}}}");
}

static const char *text(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(item) ? item->valuestring : "";
}

/* The status, once the model is there or known not to come; the caller deletes it. */
static cJSON *model_status(struct machine *m, int *id)
{
    for (;;) {
        cJSON *status = client_ask(&m->client, (*id)++, "espalier/status", "{}");
        const char *state = text(status, "state");
        if (strcmp(state, "ready") == 0 || strcmp(state, "failed") == 0) return status;
        cJSON_Delete(status);
        nap(20);
    }
}

static void complete(struct machine *m, int id)
{
    cJSON_Delete(
        client_ask(&m->client, id, "textDocument/inlineCompletion",
                   "{\"textDocument\":{\"uri\":\"file:///w/a.py\"},\"position\":{\"line\":2,"
                   "\"character\":4},\"context\":{\"triggerKind\":1}}"));
}

static void stop(struct machine *m, int id)
{
    cJSON_Delete(client_ask(&m->client, id, "shutdown", "null"));
    client_send(&m->client, "{\"jsonrpc\":\"2.0\",\"method\":\"exit\"}");
    int code = client_finish(&m->client);
    if (code != 0) client_fail(&m->client, "exit code %d", code);
}

/* Clock ticks that the server has computed. */
static long computed(const struct machine *m)
{
    char path[64], line[1024] = "";
    long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)m->client.pid);
    FILE *file = fopen(path, "r");
    if (file && !fgets(line, sizeof line, file)) line[0] = 0;
    if (file) fclose(file);
    char *at = strrchr(line, ')');
    for (int field = 2; at && field < 14; field++)
        at = strchr(at + 1, ' ');
    if (!at || sscanf(at, "%ld %ld", &user, &system) != 2)
        client_fail(&m->client, "%s says nothing", path);
    return user + system;
}

static void answers_and_sleeps(struct machine *m)
{
    int id = 2;
    start(m, "4 GB", "4194304");
    cJSON *status = model_status(m, &id);
    if (strcmp(text(status, "state"), "ready") != 0)
        client_fail(&m->client, "the model is %s: %s", text(status, "state"),
                    text(status, "message"));
    cJSON_Delete(status);
    for (int i = 0; i < 5; i++)
        complete(m, id++);
    nap(500); /* what it evaluates ahead */
    long before = computed(m), rate = sysconf(_SC_CLK_TCK);
    nap(1000);
    long spent = computed(m) - before;
    if (spent * 20 > rate)
        client_fail(&m->client, "%ld of %ld ticks while nothing was asked", spent, rate);
    stop(m, id);
}

/* Too little for a model: from a point on a server starts, and says what it lacks. */
static void says_what_it_lacks(struct machine *m, const char *kilobytes)
{
    int id = 2;
    start(m, kilobytes, kilobytes);
    cJSON *status = model_status(m, &id);
    bool ready = strcmp(text(status, "state"), "ready") == 0;
    if (!ready && !strstr(text(status, "message"), "memory"))
        client_fail(&m->client, "the model is %s: \"%s\", expected that memory is named",
                    text(status, "state"), text(status, "message"));
    printf("%s kB: %s %s\n", kilobytes, text(status, "state"), text(status, "message"));
    cJSON_Delete(status);
    complete(m, id++);
    stop(m, id);
}

int main(int argc, char **argv)
{
    static struct machine m;
    cpu_set_t mine, one;
    if (argc < 3) {
        fprintf(stderr, "usage: test_small SERVER MODEL\n");
        return 2;
    }
    m.program = argv[1];
    m.model = argv[2];
    if (sched_getaffinity(0, sizeof mine, &mine) != 0) return 77;
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &mine)) CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0) return 77;
    answers_and_sleeps(&m);
    for (int i = 3; i < argc; i++)
        says_what_it_lacks(&m, argv[i]);
    printf("ok\n");
    return 0;
}
#else
int main(void)
{
    return 77;
}
#endif
