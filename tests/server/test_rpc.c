/* JSON-RPC decoding against data/messages.cases, the nesting limit, and encoding. */
#include "lsp/server/json.h"
#include "lsp/server/rpc.h"
#include "tests/server/cases.h"

#include <stdlib.h>
#include <string.h>

struct decoded {
    struct lsp_message message;
    bool ok, answer;
    enum lsp_code code;
    struct lsp_error err;
};

static void decode(struct decoded *d, const char *bytes, size_t len)
{
    char *copy = malloc(len + 1);
    if (!copy) exit(1);
    memcpy(copy, bytes, len);
    copy[len] = 0;
    d->ok = lsp_message_decode(&d->message, copy, len, &d->code, &d->answer, &d->err);
}

static void check_params(const struct cases *cases, const struct decoded *d)
{
    char expected[4096];
    size_t len = cases_unescape(cases->rest, expected);
    expected[len] = 0;
    char *printed = d->message.params ? cJSON_PrintUnformatted(d->message.params) : strdup("none");
    if (!printed || strcmp(printed, expected) != 0) cases_fail(cases, "params are %s", printed);
    free(printed);
}

/* What was decoded, in the words of the case file. */
static void describe(const struct decoded *d, char *out, size_t capacity)
{
    const struct lsp_message *m = &d->message;
    if (!d->ok && d->answer)
        snprintf(out, capacity, "refused %d %s %s", d->code, m->id, d->err.text);
    else if (!d->ok)
        snprintf(out, capacity, "dropped %s", d->err.text);
    else if (m->kind == LSP_REQUEST)
        snprintf(out, capacity, "request %s %s", m->id, m->method);
    else if (m->kind == LSP_NOTIFICATION)
        snprintf(out, capacity, "notification %s", m->method);
    else if (m->is_error)
        snprintf(out, capacity, "error %s %d", m->id, m->error_code);
    else
        snprintf(out, capacity, "result %s", m->id);
}

static void check(const struct cases *cases, const struct decoded *d)
{
    char got[1024], rest[1024];
    describe(d, got, sizeof got);
    size_t len = cases_unescape(cases->rest, rest), word = strlen(cases->word);
    rest[len] = 0;
    bool same = strncmp(got, cases->word, word) == 0 && got[word] == ' ';
    const char *tail = got + word + 1;
    if (same && strcmp(cases->word, "dropped") == 0) {
        same = strstr(tail, rest) != NULL;
    } else if (same && strcmp(cases->word, "refused") == 0) {
        char *blank = strchr(rest, ' '); /* after the code */
        blank = blank ? strchr(blank + 1, ' ') : NULL;
        if (!blank) cases_fail(cases, "refused wants a code, an id and words");
        *blank = 0;
        size_t n = strlen(rest);
        same = strncmp(tail, rest, n) == 0 && tail[n] == ' ' && strstr(tail + n, blank + 1);
    } else if (same) {
        same = strcmp(tail, rest) == 0;
    }
    if (!same) cases_fail(cases, "got: %s", got);
}

static void run_cases(const char *path)
{
    static struct cases cases;
    static struct decoded d;
    char in[8192];
    size_t count = 0;
    bool have = false;
    cases_open(&cases, path);
    while (cases_next(&cases)) {
        if (strcmp(cases.word, "case") == 0) {
            count++;
        } else if (strcmp(cases.word, "in") == 0) {
            if (have) lsp_message_free(&d.message);
            decode(&d, in, cases_unescape(cases.rest, in));
            have = true;
        } else if (strcmp(cases.word, "params") == 0) {
            check_params(&cases, &d);
        } else {
            check(&cases, &d);
        }
    }
    if (have) lsp_message_free(&d.message);
    printf("%zu cases\n", count);
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

/* As many levels as are allowed pass, one more does not. */
static void check_depth(void)
{
    for (unsigned depth = LSP_JSON_MAX_DEPTH - 1; depth <= LSP_JSON_MAX_DEPTH + 1; depth++) {
        char text[4 * LSP_JSON_MAX_DEPTH];
        struct lsp_json_outline outline;
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        if (lsp_json_check(text, 2 * depth, &outline, NULL) != (depth <= LSP_JSON_MAX_DEPTH))
            fail("the depth limit is not where it should be");
    }
}

static void check_encoded(char *got, const char *expected)
{
    if (!got || strcmp(got, expected) != 0) {
        fprintf(stderr, "encoded %s, expected %s\n", got, expected);
        exit(1);
    }
    free(got);
}

static void check_encoding(void)
{
    check_encoded(lsp_encode_result("1.50", NULL),
                  "{\"jsonrpc\":\"2.0\",\"id\":1.50,\"result\":null}");
    check_encoded(lsp_encode_result("\"\\u00e9\"", cJSON_CreateArray()),
                  "{\"jsonrpc\":\"2.0\",\"id\":\"\\u00e9\",\"result\":[]}");
    check_encoded(lsp_encode_error("null", LSP_PARSE_ERROR, "a \"b\"\n"),
                  "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,"
                  "\"message\":\"a \\\"b\\\"\\n\"}}");
    check_encoded(lsp_encode_notification("m", NULL), "{\"jsonrpc\":\"2.0\",\"method\":\"m\"}");
    check_encoded(
        lsp_encode_request(18446744073709551615u, "m", cJSON_CreateObject()),
        "{\"jsonrpc\":\"2.0\",\"id\":18446744073709551615,\"method\":\"m\",\"params\":{}}");
}

int main(int argc, char **argv)
{
    run_cases(argc > 1 ? argv[1] : "messages.cases");
    check_depth();
    check_encoding();
    return 0;
}
