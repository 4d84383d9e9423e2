/* client.h: a language client for tests.
 *
 * Starts a server process, speaks frames over its standard input and output, and keeps the
 * books: every response that arrives is checked to carry exactly one of result and error,
 * and to answer a request that was sent and not answered before. Everything that is wrong
 * ends the test program with a message.
 */
#ifndef ESPALIER_TESTS_SERVER_CLIENT_H
#define ESPALIER_TESTS_SERVER_CLIENT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CLIENT_MAX_IDS 8192

struct client {
    const char *name; /* for messages */
    pid_t pid;
    int to, from; /* -1: closed */
    char *inbox;
    size_t inbox_len, inbox_capacity;
    struct {
        char *id; /* as written */
        bool answered;
    } ids[CLIENT_MAX_IDS];
    size_t n_ids;
    size_t n_answered;
};

#if defined(__GNUC__)
__attribute__((noreturn, format(printf, 2, 3)))
#endif
void client_fail(const struct client *client, const char *format, ...);

/* argv[0] is the program. */
void client_start(struct client *client, const char *name, char *const argv[]);

void client_send_bytes(struct client *client, const char *bytes, size_t len);
/* Frames json; notes its id when it is a request. */
void client_send(struct client *client, const char *json);
/* As client_send, of printf's output. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void client_sendf(struct client *client, const char *format, ...);

/* The next message's body, freed by the caller; NULL at the end of the stream or when
 * timeout_ms passed without one (*timed_out tells them apart). */
char *client_receive(struct client *client, int timeout_ms, bool *timed_out);

/* Sends a request and waits for its result, which the caller deletes; what else comes meanwhile is
 * passed over. A minute at most. */
#define CLIENT_ANSWER_MS 60000
cJSON *client_ask(struct client *client, int id, const char *method, const char *params);

/* Requests sent and not answered. */
size_t client_unanswered(const struct client *client);

/* Closes the pipes, waits for the process and returns its exit code. */
int client_finish(struct client *client);

/* A JSON string literal of text, quotes included; freed by the caller. */
char *client_quote(const char *text);

#endif
