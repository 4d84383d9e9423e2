/* Requests faster than any person: changes, completions, cancels and closes of several
 * buffers in random order, without waiting for answers. Each request is answered once, with
 * a result or with -32800, and the server is well afterwards.
 *
 *   test_storm STUB-SERVER [MESSAGES] */
#include "tests/server/client.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFERS 3

static uint64_t random_state = 20;

static unsigned below(unsigned n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % n;
}

/* Reads what has come; a result is a list, an error is a cancel. */
static void drain(struct client *client, int ms, size_t *results, size_t *errors)
{
    bool timed_out;
    char *body;
    while ((body = client_receive(client, ms, &timed_out))) {
        if (strstr(body, "\"error\"")) {
            if (!strstr(body, "-32800")) client_fail(client, "not a cancel: %s", body);
            ++*errors;
        } else if (strstr(body, "\"result\"")) {
            ++*results;
        }
        free(body);
    }
    if (!timed_out) client_fail(client, "the server ended");
}

static void send_one(struct client *client, bool open[BUFFERS], unsigned *version, unsigned *id)
{
    static const char *const words[] = {"SLOW", "MANY", "fast", "BLOCK", "NOTHING", "FAIL"};
    unsigned buffer = below(BUFFERS), what = below(10);
    if (!open[buffer] || what == 0) {
        client_sendf(client,
                     open[buffer]
                         ? "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didClose\",\"params\":{"
                           "\"textDocument\":{\"uri\":\"b:%u\"}}}"
                         : "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didOpen\",\"params\":{"
                           "\"textDocument\":{\"uri\":\"b:%u\",\"languageId\":\"python\","
                           "\"version\":0,\"text\":\"def f():\\n    SLOW\"}}}",
                     buffer);
        open[buffer] = !open[buffer];
    } else if (what < 4) {
        client_sendf(client,
                     "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didChange\",\"params\":{"
                     "\"textDocument\":{\"uri\":\"b:%u\",\"version\":%u},\"contentChanges\":[{"
                     "\"range\":{\"start\":{\"line\":1,\"character\":4},\"end\":{\"line\":1,"
                     "\"character\":99}},\"text\":\"%s\"}]}}",
                     buffer, ++*version, words[below(6)]);
    } else if (what < 5 && *id > 0) {
        client_sendf(client,
                     "{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",\"params\":{\"id\":%u}}",
                     *id - below(*id < 3 ? *id : 3));
    } else {
        client_sendf(client,
                     "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"textDocument/inlineCompletion\","
                     "\"params\":{\"textDocument\":{\"uri\":\"b:%u\"},\"position\":{\"line\":1,"
                     "\"character\":99}}}",
                     ++*id, buffer);
    }
}

int main(int argc, char **argv)
{
    static struct client client;
    bool open[BUFFERS] = {false}, timed_out;
    unsigned version = 0, id = 0, messages = argc > 2 ? (unsigned)atoi(argv[2]) : 4000;
    size_t results = 0, errors = 0;
    if (argc < 2) return 2;
    char *server[] = {argv[1], "--model", "stub", NULL};
    client_start(&client, "storm", server);
    client_send(&client,
                "{\"jsonrpc\":\"2.0\",\"id\":\"hello\",\"method\":\"initialize\",\"params\":{"
                "\"capabilities\":{\"textDocument\":{\"inlineCompletion\":{}}}}}");
    free(client_receive(&client, 60000, &timed_out));
    client_send(&client, "{\"jsonrpc\":\"2.0\",\"method\":\"initialized\",\"params\":{}}");
    for (unsigned i = 0; i < messages; i++) {
        send_one(&client, open, &version, &id);
        if (below(20) == 0) drain(&client, (int)below(8), &results, &errors);
    }
    /* The last may be one that answers only when it is cancelled. */
    client_sendf(&client,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",\"params\":{\"id\":%u}}", id);
    for (int i = 0; i < 600 && client_unanswered(&client) > 0; i++)
        drain(&client, 100, &results, &errors);
    if (client_unanswered(&client) > 0)
        client_fail(&client, "%zu requests were never answered", client_unanswered(&client));
    printf("%u requests: %zu results, %zu cancelled or superseded\n", id, results, errors);
    client_send(&client, "{\"jsonrpc\":\"2.0\",\"id\":\"bye\",\"method\":\"shutdown\"}");
    drain(&client, 500, &results, &errors);
    client_send(&client, "{\"jsonrpc\":\"2.0\",\"method\":\"exit\"}");
    if (client_unanswered(&client) > 0) client_fail(&client, "shutdown was not answered");
    return client_finish(&client);
}
