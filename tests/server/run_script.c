/* Runs recorded sessions against a server.
 *
 *   run_script SERVER [ARGUMENT...] -- SCRIPT...
 *
 * Each script is a session with a server of its own, one step a line:
 *
 *   # text            a comment
 *   > JSON            send a message
 *   >> BYTES          send raw bytes; \r \n \t \\ \xHH are escapes
 *   < PATTERN         the next message matches (window/logMessage is passed over)
 *   <has TEXT         the message just matched contains TEXT, byte by byte
 *   open URI LANG FILE-TEXT    didOpen, version 1; the text is a JSON string
 *   hello [CAPABILITIES]       initialize (id 0), its answer, initialized
 *   ready             wait until the model is loaded
 *   bye               shutdown (id "bye"), exit, exit code 0
 *   close             close the server's input
 *   sleep MS          let it work
 *   quiet MS          no message comes for so long
 *   end CODE          the server ends with this code and says nothing more
 *   unanswered N      so many requests may stay open at the end
 *
 * A pattern is JSON in which objects may lack members that the message has, and strings
 * "$any", "$string", "$number", "$array" and "$absent" stand for what they say. Members
 * with a value of "$absent" must not be there.
 */
#include "tests/server/client.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_MS 60000
#define MAX_LINE   262144

struct script {
    const char *path;
    unsigned line;
    struct client client;
    char name[512];
    char *last; /* the message matched last */
    size_t may_stay_open;
    bool ended;
};

static void fail(struct script *script, const char *what, const char *detail)
{
    client_fail(&script->client, "line %u: %s%s%s", script->line, what, detail ? ": " : "",
                detail ? detail : "");
}

/* ---- Matching ---------------------------------------------------------------------- */

static bool matches(const cJSON *pattern, const cJSON *value);

static bool matches_object(const cJSON *pattern, const cJSON *value)
{
    const cJSON *member = NULL;
    cJSON_ArrayForEach(member, pattern)
    {
        const cJSON *found = cJSON_GetObjectItemCaseSensitive(value, member->string);
        bool absent = cJSON_IsString(member) && strcmp(member->valuestring, "$absent") == 0;
        if (absent ? found != NULL : !found || !matches(member, found)) return false;
    }
    return cJSON_IsObject(value);
}

static bool matches(const cJSON *pattern, const cJSON *value)
{
    const char *word = cJSON_GetStringValue(pattern);
    if (word && strcmp(word, "$any") == 0) return true;
    if (word && strcmp(word, "$string") == 0) return cJSON_IsString(value);
    if (word && strcmp(word, "$number") == 0) return cJSON_IsNumber(value);
    if (word && strcmp(word, "$array") == 0) return cJSON_IsArray(value);
    if (cJSON_IsObject(pattern)) return matches_object(pattern, value);
    if (!cJSON_IsArray(pattern)) return cJSON_Compare(pattern, value, true);
    int n = cJSON_GetArraySize(pattern);
    if (!cJSON_IsArray(value) || cJSON_GetArraySize(value) != n) return false;
    for (int i = 0; i < n; i++)
        if (!matches(cJSON_GetArrayItem(pattern, i), cJSON_GetArrayItem(value, i))) return false;
    return true;
}

/* The next message that is no log line; NULL at the end or after the timeout. */
static char *next_message(struct script *script, int timeout_ms, bool *timed_out)
{
    for (;;) {
        char *body = client_receive(&script->client, timeout_ms, timed_out);
        if (!body || !strstr(body, "\"window/logMessage\"")) return body;
        free(body);
    }
}

static void expect(struct script *script, const char *text)
{
    bool timed_out;
    cJSON *pattern = cJSON_Parse(text);
    if (!pattern) fail(script, "the pattern is no JSON", text);
    free(script->last);
    script->last = next_message(script, TIMEOUT_MS, &timed_out);
    if (!script->last) fail(script, timed_out ? "nothing came" : "the server ended", text);
    cJSON *message = cJSON_Parse(script->last);
    if (!message) fail(script, "the message is no JSON", script->last);
    if (!matches(pattern, message)) {
        fprintf(stderr, "expected %s\n", text);
        fail(script, "the message does not match", script->last);
    }
    cJSON_Delete(message);
    cJSON_Delete(pattern);
}

/* ---- Steps ------------------------------------------------------------------------- */

static void send_raw(struct script *script, const char *text)
{
    char *bytes = malloc(strlen(text) + 1);
    size_t n = 0;
    for (const char *at = text; bytes && *at; at++) {
        if (*at != '\\') {
            bytes[n++] = *at;
            continue;
        }
        at++;
        if (*at == 'x') {
            char hex[3] = {at[1], at[2], 0};
            bytes[n++] = (char)strtol(hex, NULL, 16);
            at += 2;
        } else {
            bytes[n++] = *at == 'r' ? '\r' : *at == 'n' ? '\n' : *at == 't' ? '\t' : *at;
        }
    }
    client_send_bytes(&script->client, bytes, n);
    free(bytes);
}

static void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static void expect_end(struct script *script, int code)
{
    bool timed_out;
    char *body = next_message(script, TIMEOUT_MS, &timed_out);
    if (body) fail(script, "a message instead of the end", body);
    if (timed_out) fail(script, "the server does not end", NULL);
    size_t open = client_unanswered(&script->client);
    if (open != script->may_stay_open) fail(script, "requests were not answered", NULL);
    int got = client_finish(&script->client);
    if (got != code) {
        fprintf(stderr, "exit code %d, expected %d\n", got, code);
        fail(script, "wrong exit code", NULL);
    }
    script->ended = true;
}

static void hello(struct script *script, const char *capabilities)
{
    client_sendf(&script->client,
                 "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":"
                 "{\"processId\":null,\"rootUri\":null,\"capabilities\":%s}}",
                 *capabilities ? capabilities : "{\"textDocument\":{\"inlineCompletion\":{}}}");
    expect(script, "{\"id\":0,\"error\":\"$absent\",\"result\":{\"capabilities\":{}}}");
    client_send(&script->client, "{\"jsonrpc\":\"2.0\",\"method\":\"initialized\",\"params\":{}}");
}

/* Asks until the model is there: completions are empty before. */
static void wait_for_model(struct script *script)
{
    for (int i = 0; i < 600; i++) {
        bool timed_out;
        client_sendf(&script->client,
                     "{\"jsonrpc\":\"2.0\",\"id\":\"ready-%d\",\"method\":\"espalier/status\"}", i);
        char *body = next_message(script, TIMEOUT_MS, &timed_out);
        bool ready = body && strstr(body, "\"state\":\"ready\"");
        if (!body) fail(script, "no status", NULL);
        free(body);
        if (ready) return;
        sleep_ms(100);
    }
    fail(script, "no model after a minute", NULL);
}

static void open_document(struct script *script, const char *rest)
{
    char uri[256], language[64];
    int used = 0;
    if (sscanf(rest, "%255s %63s %n", uri, language, &used) != 2)
        fail(script, "open wants URI, language and text", rest);
    client_sendf(
        &script->client,
        "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didOpen\",\"params\":{\"textDocument\":"
        "{\"uri\":\"%s\",\"languageId\":\"%s\",\"version\":1,\"text\":%s}}}",
        uri, language, rest + used);
}

static void bye(struct script *script)
{
    client_send(&script->client, "{\"jsonrpc\":\"2.0\",\"id\":\"bye\",\"method\":\"shutdown\"}");
    expect(script, "{\"id\":\"bye\",\"result\":null}");
    client_send(&script->client, "{\"jsonrpc\":\"2.0\",\"method\":\"exit\"}");
    expect_end(script, 0);
}

static void expect_quiet(struct script *script, int ms)
{
    bool timed_out;
    char *body = next_message(script, ms, &timed_out);
    if (body) fail(script, "a message where none was expected", body);
    if (!timed_out) fail(script, "the server ended", NULL);
}

static const char *argument_of(const char *line, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(line, word, n) != 0 || (line[n] && line[n] != ' ')) return NULL;
    return line[n] ? line + n + 1 : line + n;
}

static void step(struct script *script, const char *line)
{
    const char *rest;
    if (!*line || *line == '#') return;
    if ((rest = argument_of(line, ">")))
        client_send(&script->client, rest);
    else if ((rest = argument_of(line, ">>")))
        send_raw(script, rest);
    else if ((rest = argument_of(line, "<")))
        expect(script, rest);
    else if ((rest = argument_of(line, "<has"))) {
        if (!script->last || !strstr(script->last, rest)) fail(script, "the message lacks", rest);
    } else if ((rest = argument_of(line, "hello")))
        hello(script, rest);
    else if ((rest = argument_of(line, "ready")))
        wait_for_model(script);
    else if ((rest = argument_of(line, "open")))
        open_document(script, rest);
    else if ((rest = argument_of(line, "bye")))
        bye(script);
    else if ((rest = argument_of(line, "sleep")))
        sleep_ms(atol(rest));
    else if ((rest = argument_of(line, "quiet")))
        expect_quiet(script, atoi(rest));
    else if ((rest = argument_of(line, "unanswered")))
        script->may_stay_open = (size_t)atoi(rest);
    else if ((rest = argument_of(line, "end")))
        expect_end(script, atoi(rest));
    else if ((rest = argument_of(line, "close"))) {
        close(script->client.to);
        script->client.to = -1;
    } else
        fail(script, "unknown step", line);
}

static void run(const char *path, char *const server[])
{
    static char line[MAX_LINE];
    struct script script = {.path = path};
    snprintf(script.name, sizeof script.name, "%s", path);
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(2);
    }
    client_start(&script.client, script.name, server);
    while (fgets(line, sizeof line, file)) {
        script.line++;
        line[strcspn(line, "\n")] = 0;
        if (script.ended && *line && *line != '#') fail(&script, "a step after the end", line);
        step(&script, line);
    }
    if (!script.ended) fail(&script, "the script has no end", NULL);
    fclose(file);
    free(script.last);
    printf("ok %s\n", path);
}

int main(int argc, char **argv)
{
    int split = 1;
    while (split < argc && strcmp(argv[split], "--") != 0)
        split++;
    if (split < 2 || split + 1 >= argc) {
        fprintf(stderr, "usage: run_script SERVER [ARGUMENT...] -- SCRIPT...\n");
        return 2;
    }
    argv[split] = NULL;
    for (int i = split + 1; i < argc; i++)
        run(argv[i], argv + 1);
    return 0;
}
