/* Random messages of several buffers, and the books about their answers. */
#include "tests/server/storm.h"

#include <stdlib.h>
#include <string.h>

unsigned storm_below(uint64_t *state, unsigned n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*state >> 33) % n;
}

void storm_begin(struct storm *storm, struct client *client, const char *options)
{
    bool timed_out;
    *storm = (struct storm){.client = client};
    client_sendf(client,
                 "{\"jsonrpc\":\"2.0\",\"id\":\"hello\",\"method\":\"initialize\",\"params\":{"
                 "\"initializationOptions\":%s,"
                 "\"capabilities\":{\"textDocument\":{\"inlineCompletion\":{}}}}}",
                 options);
    char *answer = client_receive(client, 60000, &timed_out);
    if (!answer) client_fail(client, "initialize was not answered");
    free(answer);
    client_send(client, "{\"jsonrpc\":\"2.0\",\"method\":\"initialized\",\"params\":{}}");
}

void storm_drain(struct storm *storm, int ms)
{
    bool timed_out;
    char *body;
    while ((body = client_receive(storm->client, ms, &timed_out))) {
        if (strstr(body, "\"error\"")) {
            if (!strstr(body, "-32800")) client_fail(storm->client, "not a cancel: %s", body);
            storm->errors++;
        } else if (strstr(body, "\"result\"")) {
            storm->results++;
        }
        free(body);
    }
    if (!timed_out) client_fail(storm->client, "the server ended");
}

void storm_send(struct storm *storm, uint64_t *state)
{
    static const char *const words[] = {"SLOW", "MANY", "fast", "BLOCK", "NOTHING", "FAIL"};
    struct client *client = storm->client;
    unsigned buffer = storm_below(state, STORM_BUFFERS), what = storm_below(state, 10);
    if (!storm->open[buffer] || what == 0) {
        client_sendf(client,
                     storm->open[buffer]
                         ? "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didClose\",\"params\":{"
                           "\"textDocument\":{\"uri\":\"b:%u\"}}}"
                         : "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didOpen\",\"params\":{"
                           "\"textDocument\":{\"uri\":\"b:%u\",\"languageId\":\"python\","
                           "\"version\":0,\"text\":\"def f():\\n    SLOW\"}}}",
                     buffer);
        storm->open[buffer] = !storm->open[buffer];
    } else if (what < 4) {
        client_sendf(client,
                     "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didChange\",\"params\":{"
                     "\"textDocument\":{\"uri\":\"b:%u\",\"version\":%u},\"contentChanges\":[{"
                     "\"range\":{\"start\":{\"line\":1,\"character\":4},\"end\":{\"line\":1,"
                     "\"character\":99}},\"text\":\"%s\"}]}}",
                     buffer, ++storm->version, words[storm_below(state, 6)]);
    } else if (what < 5 && storm->id > 0) {
        client_sendf(client,
                     "{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",\"params\":{\"id\":%u}}",
                     storm->id - storm_below(state, storm->id < 3 ? storm->id : 3));
    } else {
        client_sendf(client,
                     "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"textDocument/inlineCompletion\","
                     "\"params\":{\"textDocument\":{\"uri\":\"b:%u\"},\"position\":{\"line\":1,"
                     "\"character\":99}}}",
                     ++storm->id, buffer);
    }
}

void storm_end(struct storm *storm)
{
    struct client *client = storm->client;
    /* The last may be one that answers only when it is cancelled. */
    client_sendf(client,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",\"params\":{\"id\":%u}}",
                 storm->id);
    for (int i = 0; i < 600 && client_unanswered(client) > 0; i++)
        storm_drain(storm, 100);
    if (client_unanswered(client) > 0)
        client_fail(client, "%zu requests were never answered", client_unanswered(client));
    client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":\"bye\",\"method\":\"shutdown\"}");
    for (int i = 0; i < 600 && client_unanswered(client) > 0; i++)
        storm_drain(storm, 100);
    if (client_unanswered(client) > 0) client_fail(client, "shutdown was not answered");
    client_send(client, "{\"jsonrpc\":\"2.0\",\"method\":\"exit\"}");
}
