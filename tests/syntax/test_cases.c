/* Features, holes, middles and candidates, case by case: tests/syntax/cases/NAME.case.
 *
 *   language: ID
 *   mode: features | hole | middle
 *   text:
 *   ...the text; «...» is the hole, with what was written there...
 *   expect:
 *   token WORD[@N] chain WORD...   start tokens of the enclosing nodes, innermost first; as
 *                                  many as are written; "." says that there are no more
 *   token WORD[@N] kind KIND
 *   filling TEXT                   what won, in quotes; \n is a newline
 *   clean                          the repaired tree has no error
 *   candidate TEXT                 in quotes: judged in the hole; the next lines are of it
 *   keep TEXT                      what is left of it
 *   closed yes|no
 *
 * WORD@N is the N-th token of that text, from 1. In mode "hole" the tokens are those before
 * and after the hole, in mode "middle" those before it and those written in it. */
#include "grammars/grammars.h"
#include "syntax/syntax.h"
#include "tests/syntax/case_files.h"
#include "tests/syntax/pretoken.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_TOKENS 1024
#define MAX_CASE   16384

struct test_case {
    const char *path;
    char language[32], mode[32], text[MAX_CASE];
    size_t length, start, end; /* of the text without the marks; the hole in it */
    char *expect;              /* first line of the expectations */
    struct syn_document *doc;
    struct syn_hole *hole;
    struct syn_span spans[MAX_TOKENS];
    struct syn_record records[MAX_TOKENS];
    size_t count;
    char candidate[1024];
    struct syn_verdict verdict;
    bool judged;
};

static size_t take_out(char *text, const char *mark)
{
    char *at = strstr(text, mark);
    if (!at) return strlen(text);
    memmove(at, at + strlen(mark), strlen(at + strlen(mark)) + 1);
    return (size_t)(at - text);
}

static void read_case(struct test_case *c, char *file)
{
    assert_int_equal(sscanf(file, "language: %31s mode: %31s text:", c->language, c->mode), 2);
    char *text = strstr(file, "text:\n"), *expect = strstr(file, "\nexpect:\n");
    assert_true(text && expect);
    *expect = 0;
    c->expect = expect + strlen("\nexpect:\n");
    snprintf(c->text, sizeof c->text, "%s\n", text + strlen("text:\n"));
    c->start = take_out(c->text, "\xc2\xab");
    c->end = take_out(c->text, "\xc2\xbb");
    c->length = strlen(c->text);
}

static void run_middle(struct test_case *c, size_t n_prefix)
{
    struct syn_middle m;
    syn_middle_begin(&m, c->hole, c->spans, n_prefix);
    c->count = n_prefix + pretoken_split(c->text, c->start, c->end, 0, c->spans + n_prefix,
                                         MAX_TOKENS - n_prefix);
    for (size_t i = n_prefix; i < c->count; i++)
        syn_middle_next(&m, (int32_t)i, c->text + c->spans[i].start,
                        c->spans[i].end - c->spans[i].start, &c->records[i]);
}

static void run_case(struct test_case *c)
{
    const struct gram_language *lang = gram_by_id(c->language);
    assert_non_null(lang);
    assert_int_equal(syn_document_new(lang, c->text, c->length, &c->doc, NULL), SYN_OK);
    assert_int_equal(syn_document_parse(c->doc, 0, NULL), SYN_OK);
    if (!strcmp(c->mode, "features")) {
        c->count = pretoken_split(c->text, 0, c->length, 0, c->spans, MAX_TOKENS);
        assert_int_equal(syn_features(c->doc, c->spans, c->count, c->records, NULL), SYN_OK);
        return;
    }
    assert_int_equal(syn_hole_open(c->doc, c->start, c->end, &c->hole, NULL), SYN_OK);
    size_t n_prefix = pretoken_split(c->text, 0, c->start, 0, c->spans, MAX_TOKENS);
    size_t n_suffix =
        pretoken_split(c->text, c->end, c->length, 0, c->spans + n_prefix, MAX_TOKENS - n_prefix);
    assert_int_equal(syn_hole_features(c->hole, c->spans, n_prefix, n_suffix, c->records, NULL),
                     SYN_OK);
    c->count = n_prefix + n_suffix;
    if (!strcmp(c->mode, "middle")) run_middle(c, n_prefix);
}

/* The token's text without a joined space. */
static size_t token_text(const struct test_case *c, size_t i, const char **text)
{
    uint32_t start = c->spans[i].start, end = c->spans[i].end;
    while (start < end && c->text[start] == ' ')
        start++;
    *text = c->text + start;
    return end - start;
}

static int32_t find_token(const struct test_case *c, const char *word)
{
    const char *at = strchr(word + 1, '@');
    size_t len = at ? (size_t)(at - word) : strlen(word);
    int which = at ? atoi(at + 1) : 1;
    for (size_t i = 0; i < c->count; i++) {
        const char *text;
        if (token_text(c, i, &text) == len && !memcmp(text, word, len) && --which == 0)
            return (int32_t)i;
    }
    fail_msg("%s: no token %s", c->path, word);
    return -1;
}

static void check_chain(const struct test_case *c, int32_t token, const char *name, char *words)
{
    const int32_t *chain = c->records[token].chain;
    char *save = NULL;
    unsigned l = 0;
    for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save), l++) {
        int32_t want = strcmp(word, ".") ? find_token(c, word) : -1;
        if (chain[l] == want) continue;
        const char *got = "nothing";
        size_t len = chain[l] < 0 ? strlen(got) : token_text(c, (size_t)chain[l], &got);
        fail_msg("%s: token %s: level %u is %.*s, expected %s", c->path, name, l + 1, (int)len, got,
                 word);
    }
}

/* Copies what is between quotes, with \n as a newline. */
static void unquote(const char *from, char *to, size_t max)
{
    assert_int_equal(*from, '"');
    size_t n = 0;
    for (from++; *from && (*from != '"' || from[1]) && n + 1 < max; from++) {
        bool newline = from[0] == '\\' && from[1] == 'n';
        to[n++] = newline ? '\n' : *from;
        from += newline;
    }
    to[n] = 0;
}

static void check_line(struct test_case *c, char *line)
{
    char word[64], what[16], text[1024];
    int used = 0;
    if (sscanf(line, "token %63s %15s %n", word, what, &used) == 2 && used) {
        int32_t token = find_token(c, word);
        if (!strcmp(what, "chain")) {
            check_chain(c, token, word, line + used);
        } else if (strcmp(gram_kind_name(c->records[token].kind), line + used) != 0) {
            fail_msg("%s: token %s: kind %s, expected %s", c->path, word,
                     gram_kind_name(c->records[token].kind), line + used);
        }
    } else if (!strncmp(line, "filling ", 8)) {
        unquote(line + 8, text, sizeof text);
        if (strcmp(text, syn_hole_filling(c->hole)) != 0)
            fail_msg("%s: filling \"%s\", expected \"%s\"", c->path, syn_hole_filling(c->hole),
                     text);
    } else if (!strcmp(line, "clean")) {
        if (syn_hole_cost(c->hole))
            fail_msg("%s: cost %u with filling \"%s\"", c->path, syn_hole_cost(c->hole),
                     syn_hole_filling(c->hole));
    } else if (!strncmp(line, "candidate ", 10)) {
        unquote(line + 10, c->candidate, sizeof c->candidate);
        assert_int_equal(
            syn_candidate_judge(c->hole, c->candidate, strlen(c->candidate), &c->verdict, NULL),
            SYN_OK);
        c->judged = true;
    } else if (!strncmp(line, "keep ", 5)) {
        unquote(line + 5, text, sizeof text);
        assert_true(c->judged);
        if (c->verdict.keep != strlen(text) || memcmp(text, c->candidate, strlen(text)) != 0)
            fail_msg("%s: candidate \"%s\": kept \"%.*s\", expected \"%s\"", c->path, c->candidate,
                     (int)c->verdict.keep, c->candidate, text);
    } else if (!strncmp(line, "closed ", 7)) {
        if (c->verdict.closed != !strcmp(line + 7, "yes"))
            fail_msg("%s: candidate \"%s\": closed is %d", c->path, c->candidate,
                     c->verdict.closed);
    } else if (*line) {
        fail_msg("%s: not understood: %s", c->path, line);
    }
}

static void check_case(const char *path, void *user)
{
    (void)user;
    static char file[MAX_CASE];
    case_read(path, file, sizeof file);
    struct test_case *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->path = path;
    read_case(c, file);
    run_case(c);
    char *save = NULL;
    for (char *line = strtok_r(c->expect, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        check_line(c, line);
    syn_hole_free(c->hole);
    syn_document_free(c->doc);
    free(c);
}

static void all_cases_hold(void **state)
{
    (void)state;
    assert_true(case_each(CASES, check_case, NULL) > 10);
}

static void relations_follow_their_precedence(void **state)
{
    (void)state;
    const struct syn_record base = {.chain = {-1, -1, -1, -1, -1, -1, -1, -1},
                                    .segment = SYN_SEGMENT_PREFIX};
    struct syn_record q = base, k = base;
    q.chain[0] = 5;
    q.chain[1] = 2;
    assert_int_equal(syn_relation_of(&q, 9, &k, 5), SYN_RELATION_ANCESTOR_1);
    assert_int_equal(syn_relation_of(&q, 9, &k, 2), SYN_RELATION_ANCESTOR_1 + 1);
    assert_int_equal(syn_relation_of(&q, 9, &k, 7), SYN_RELATION_SAME_NODE);
    assert_int_equal(syn_relation_of(&q, 9, &q, 9), SYN_RELATION_SAME_NODE);
    assert_int_equal(syn_relation_of(&q, 9, &k, 3), SYN_RELATION_ELSEWHERE);
    k.chain[0] = 5;
    assert_int_equal(syn_relation_of(&q, 9, &k, 7), SYN_RELATION_SIBLING);
    assert_int_equal(syn_relation_of(&base, 9, &base, 9), SYN_RELATION_ELSEWHERE);
    k.segment = SYN_SEGMENT_SUFFIX;
    assert_int_equal(syn_relation_of(&q, 9, &k, 5), SYN_RELATION_SEGMENT);
    k.segment = SYN_SEGMENT_MIDDLE; /* one segment with the prefix */
    assert_int_equal(syn_relation_of(&q, 9, &k, 5), SYN_RELATION_ANCESTOR_1);
}

int main(int argc, char **argv)
{
    if (argc > 1) { /* one case, for whoever writes it */
        check_case(argv[1], NULL);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_cases_hold),
        cmocka_unit_test(relations_follow_their_precedence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
