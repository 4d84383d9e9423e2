/* Documents under random changes, against a plain string that is edited independently: the
 * positions are counted here by other code, in all three encodings. */
#include "lsp/server/documents.h"
#include "lsp/server/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS    4000
#define MAX_TEXT 20000

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static _Noreturn void fail(const char *what, unsigned step)
{
    fprintf(stderr, "step %u: %s\n", step, what);
    exit(1);
}

/* Characters start wherever a byte is no continuation byte. */
static bool is_start(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

static uint32_t units_of(char first, enum syn_encoding encoding)
{
    unsigned char c = (unsigned char)first;
    unsigned bytes = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return encoding == SYN_UTF8 ? bytes : encoding == SYN_UTF32 ? 1 : bytes == 4 ? 2 : 1;
}

/* Counts lines and columns from the start of the text, character by character. */
static struct lsp_position position_of(const char *text, size_t offset, enum syn_encoding encoding)
{
    struct lsp_position at = {0, 0};
    for (size_t i = 0; i < offset; i++) {
        bool crlf = text[i] == '\r' && text[i + 1] == '\n';
        if (text[i] == '\n' || (text[i] == '\r' && !crlf)) {
            at.line++;
            at.character = 0;
        } else if (is_start(text[i])) {
            at.character += units_of(text[i], encoding);
        }
    }
    return at;
}

/* A random place that a position can name: a character's start, not between \r and \n. */
static size_t random_place(uint64_t *random, const char *text, size_t len)
{
    size_t at = next_random(random) % (len + 1);
    while (at > 0 && (!is_start(text[at]) || (text[at - 1] == '\r' && text[at] == '\n')))
        at--;
    return at;
}

static void random_text(uint64_t *random, char *out)
{
    static const char *const pieces[] = {"x",
                                         "foo",
                                         " ",
                                         "\n",
                                         "\r\n",
                                         "    ",
                                         "(",
                                         ")",
                                         "{",
                                         "}",
                                         "def f(",
                                         "return 1",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80",
                                         "\"a\"",
                                         "# no\n",
                                         "\t",
                                         "if x:\n",
                                         "\r",
                                         ","};
    unsigned n = next_random(random) % 6;
    out[0] = 0;
    for (unsigned i = 0; i < n; i++)
        strcat(out, pieces[next_random(random) % (sizeof pieces / sizeof *pieces)]);
}

struct oracle {
    char text[MAX_TEXT];
    size_t len;
};

static void replace(struct oracle *oracle, size_t start, size_t end, const char *text)
{
    size_t n = strlen(text);
    memmove(oracle->text + start + n, oracle->text + end, oracle->len - end + 1);
    memcpy(oracle->text + start, text, n);
    oracle->len = oracle->len - (end - start) + n;
}

static void compare(const struct lsp_document *document, const struct oracle *oracle, unsigned step)
{
    size_t len;
    const char *text = syn_document_text(document->syn, &len);
    if (len != oracle->len || memcmp(text, oracle->text, len) != 0) fail("texts differ", step);
}

/* One didChange with one to three changes. */
static void change(struct lsp_documents *documents, struct lsp_document *document,
                   struct oracle *oracle, enum syn_encoding encoding, uint64_t *random,
                   unsigned step)
{
    struct lsp_change changes[3];
    char texts[3][128];
    struct lsp_change_params params = {
        .uri = document->uri, .has_version = true, .version = document->version + 1};
    params.changes = changes;
    params.count = 1 + next_random(random) % 3;
    for (size_t i = 0; i < params.count; i++) {
        size_t a = random_place(random, oracle->text, oracle->len);
        size_t b = a + next_random(random) % 40;
        b = b > oracle->len ? a : b;
        while (b > a && (!is_start(oracle->text[b]) ||
                         (oracle->text[b - 1] == '\r' && oracle->text[b] == '\n')))
            b--;
        bool whole = oracle->len > MAX_TEXT - 1000 || next_random(random) % 500 == 0;
        random_text(random, texts[i]);
        changes[i] = (struct lsp_change){.has_range = !whole, .text = texts[i]};
        changes[i].range.start = position_of(oracle->text, a, encoding);
        changes[i].range.end = position_of(oracle->text, b, encoding);
        replace(oracle, whole ? 0 : a, whole ? oracle->len : b, texts[i]);
    }
    struct lsp_error err;
    if (!lsp_documents_change(documents, document, &params, encoding, &err)) fail(err.text, step);
}

static void run(enum syn_encoding encoding, uint64_t seed)
{
    static struct oracle oracle;
    struct lsp_documents *documents = lsp_documents_new();
    const struct lsp_open_params open = {
        .uri = "file:///r%C3%A9sum%C3%A9.py", .language_id = "python", .text = "", .version = 1};
    struct lsp_document *document;
    struct lsp_error err;
    uint64_t random = seed;
    memset(&oracle, 0, sizeof oracle);
    if (!lsp_documents_open(documents, &open, &document, &err)) fail(err.text, 0);
    uint64_t revision = document->revision;
    for (unsigned step = 1; step <= STEPS; step++) {
        change(documents, document, &oracle, encoding, &random, step);
        compare(document, &oracle, step);
        if (document->revision == revision) fail("the revision stands still", step);
        revision = document->revision;
        if (step % 16 == 0 && !lsp_documents_parse(documents, 0)) fail("not parsed", step);
    }
    lsp_documents_free(documents);
}

static void check_paths(void)
{
    static const struct {
        const char *uri, *path; /* path NULL: none */
    } cases[] = {{"file:///a/b.c", "/a/b.c"},
                 {"file:///a%20b/%C3%A9.c", "/a b/\xc3\xa9.c"},
                 {"file://host/x", "/x"},
                 {"file:///100%", "/100%"},
                 {"file:///a%2", "/a%2"},
                 {"file:///a%zz", "/a%zz"},
                 {"file:///a%00b", NULL},
                 {"file://", NULL},
                 {"untitled:Untitled-1", NULL},
                 {"", NULL},
                 {"file:///longer than the room", NULL}};
    char out[20];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool ok = lsp_path_of_uri(cases[i].uri, out, sizeof out);
        if (ok != (cases[i].path != NULL) || (ok && strcmp(out, cases[i].path) != 0))
            fail(cases[i].uri, 0);
    }
    char uri[40];
    if (!lsp_uri_of_path("/a b/\xc3\xa9.c", uri, sizeof uri) ||
        strcmp(uri, "file:///a%20b/%C3%A9.c") != 0)
        fail("a path became another URI", 0);
    if (lsp_uri_of_path("/a path that is too long for its room", uri, sizeof uri))
        fail("a URI has room where there is none", 0);
}

/* Many buffers at once: found, replaced, closed, and the limit on their number. */
static void check_table(void)
{
    struct lsp_documents *documents = lsp_documents_new();
    struct lsp_document *document;
    struct lsp_error err;
    char uri[64];
    struct lsp_open_params open = {.uri = uri, .language_id = "plaintext", .text = "x"};
    for (unsigned i = 0; i <= LSP_MAX_DOCUMENTS; i++) {
        snprintf(uri, sizeof uri, "file:///%u", i);
        if (lsp_documents_open(documents, &open, &document, &err) != (i < LSP_MAX_DOCUMENTS))
            fail("the limit on open buffers is not where it should be", i);
    }
    snprintf(uri, sizeof uri, "file:///17");
    if (!lsp_documents_close(documents, uri) || lsp_documents_close(documents, uri) ||
        lsp_documents_find(documents, uri))
        fail("closing", 17);
    if (!lsp_documents_open(documents, &open, &document, &err) ||
        lsp_documents_find(documents, uri) != document)
        fail("opening again", 17);
    lsp_documents_free(documents);
}

/* A text that grows past the limit goes on without a tree, and stays the same text. */
static void check_growth(void)
{
    static char text[LSP_MAX_TREE_TEXT + 1];
    struct lsp_documents *documents = lsp_documents_new();
    struct lsp_document *document;
    struct lsp_error err;
    memset(text, 'x', LSP_MAX_TREE_TEXT);
    const struct lsp_open_params open = {
        .uri = "file:///a.py", .language_id = "python", .text = text, .version = 1};
    struct lsp_change one = {.has_range = true, .text = "y"};
    const struct lsp_change_params params = {
        .uri = open.uri, .has_version = true, .version = 2, .count = 1, .changes = &one};
    if (!lsp_documents_open(documents, &open, &document, &err)) fail(err.text, 0);
    if (!syn_document_language(document->syn)) fail("no tree at the limit", 0);
    if (!lsp_documents_change(documents, document, &params, SYN_UTF16, &err)) fail(err.text, 0);
    if (syn_document_language(document->syn)) fail("a tree above the limit", 0);
    size_t len;
    const char *now = syn_document_text(document->syn, &len);
    if (len != LSP_MAX_TREE_TEXT + 1 || now[0] != 'y' || memcmp(now + 1, text, len - 1) != 0)
        fail("the text is another one", 0);
    lsp_documents_free(documents);
}

int main(void)
{
    run(SYN_UTF16, 1);
    run(SYN_UTF8, 2);
    run(SYN_UTF32, 3);
    check_paths();
    check_table();
    check_growth();
    return 0;
}
