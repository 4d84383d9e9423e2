/* Files that nobody wrote by hand: one of 50,000 lines, one of a single line of 5 MB. They are
 * opened, edited at their beginning, middle and end, and everything is answered; where a limit says
 * that there is no tree, or nothing to suggest, the status says so.
 *
 *   test_large SERVER MODEL */
#include "tests/server/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 50000, LINE_BYTES = 5 << 20, KEYS = 12 };

static struct client client;
static int last_id, version = 1;

static void check(bool ok, const char *what)
{
    if (!ok) client_fail(&client, "%s", what);
}

static double status(const char *part, const char *name)
{
    cJSON *result = client_ask(&client, ++last_id, "espalier/status", "{}");
    const cJSON *in = part ? cJSON_GetObjectItemCaseSensitive(result, part) : result;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(in, name);
    double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
    cJSON_Delete(result);
    return value;
}

static void open_text(const char *uri, const char *language, const char *text)
{
    char *quoted = client_quote(text);
    client_sendf(&client,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didOpen\",\"params\":"
                 "{\"textDocument\":{\"uri\":\"%s\",\"languageId\":\"%s\",\"version\":1,"
                 "\"text\":%s}}}",
                 uri, language, quoted);
    free(quoted);
}

/* Types there; returns how many suggestions came. */
static int type_at(const char *uri, int line, int column)
{
    char params[512];
    int items = 0;
    for (int i = 0; i < KEYS; i++) {
        client_sendf(&client,
                     "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didChange\",\"params\":"
                     "{\"textDocument\":{\"uri\":\"%s\",\"version\":%d},\"contentChanges\":[{"
                     "\"range\":{\"start\":{\"line\":%d,\"character\":%d},\"end\":{\"line\":%d,"
                     "\"character\":%d}},\"text\":\"%c\"}]}}",
                     uri, ++version, line, column + i, line, column + i, "value_of_it "[i]);
        snprintf(params, sizeof params,
                 "{\"textDocument\":{\"uri\":\"%s\"},\"position\":{\"line\":%d,\"character\":%d},"
                 "\"context\":{\"triggerKind\":2}}",
                 uri, line, column + i + 1);
        cJSON *result = client_ask(&client, ++last_id, "textDocument/inlineCompletion", params);
        check(cJSON_IsArray(result), "a completion is no list");
        items += cJSON_GetArraySize(result);
        cJSON_Delete(result);
    }
    return items;
}

static char *many_lines(void)
{
    char *text = malloc(LINES * 24);
    size_t len = 0;
    for (int i = 0; text && i < LINES; i++)
        len += (size_t)sprintf(text + len, "int value_%d;\n", i);
    return text;
}

static char *one_line(void)
{
    char *text = malloc(LINE_BYTES + 1);
    if (!text) return NULL;
    for (size_t i = 0; i < LINE_BYTES; i++)
        text[i] = "[1,2],"[i % 6];
    text[LINE_BYTES] = 0;
    return text;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: test_large SERVER MODEL\n");
        return 2;
    }
    char *serve[] = {argv[1], "serve", "--model", argv[2], NULL};
    char *lines = many_lines(), *line = one_line();
    if (!lines || !line) return 2;
    client_start(&client, "a client with large files", serve);
    cJSON_Delete(client_ask(&client, ++last_id, "initialize",
                            "{\"processId\":null,\"rootUri\":null,\"capabilities\":{}}"));
    client_send(&client, "{\"jsonrpc\":\"2.0\",\"method\":\"initialized\",\"params\":{}}");

    open_text("file:///w/lines.c", "c", lines);
    check(status(NULL, "documentsWithoutTree") == 1, "no word of a file without a tree");
    type_at("file:///w/lines.c", 5, 0);
    type_at("file:///w/lines.c", LINES / 2, 0);
    type_at("file:///w/lines.c", LINES, 0);
    check(status("counters", "longLines") == 0, "lines are called long that are not");

    open_text("file:///w/line.js", "javascript", line);
    version = 1;
    int items = type_at("file:///w/line.js", 0, 0) +
                type_at("file:///w/line.js", 0, LINE_BYTES / 2) +
                type_at("file:///w/line.js", 0, LINE_BYTES + 2 * KEYS);
    check(items == 0, "something is suggested on a line beyond the limit");
    check(status("counters", "longLines") == 3 * KEYS, "no word of a line beyond the limit");
    check(status(NULL, "documentsWithoutTree") == 2, "no word of the second file without a tree");

    cJSON_Delete(client_ask(&client, ++last_id, "espalier/status", "{}"));
    client_sendf(&client, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"shutdown\"}", ++last_id);
    client_send(&client, "{\"jsonrpc\":\"2.0\",\"method\":\"exit\"}");
    check(client_finish(&client) == 0, "the exit code");
    free(lines);
    free(line);
    return 0;
}
