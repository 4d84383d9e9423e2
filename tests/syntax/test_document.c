/* Documents under edits: text, lines and tree stay those of a document made afresh. */
#include "grammars/grammars.h"
#include "syntax/syntax.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(((*state >> 32) * below) >> 32);
}

struct tree_hash {
    uint64_t value;
    bool ends;
};

static bool hash_node(const struct syn_node *node, void *user)
{
    struct tree_hash *tree = user;
    uint64_t *hash = &tree->value;
    for (const char *p = node->type; *p; p++)
        *hash = (*hash ^ (uint8_t)*p) * 1099511628211u;
    *hash = (*hash ^ node->start) * 1099511628211u;
    if (tree->ends) *hash = (*hash ^ node->end) * 1099511628211u;
    *hash = (*hash ^ node->depth) * 1099511628211u;
    return true;
}

static uint64_t tree_hash(const struct syn_document *doc)
{
    /* The Haskell grammar's layout tokens end before or after white space, depending on where
     * a parse began. No feature reads where a node ends. */
    const struct gram_language *lang = syn_document_language(doc);
    struct tree_hash hash = {14695981039346656037u, strcmp(lang->id, "haskell") != 0};
    syn_document_walk(doc, hash_node, &hash);
    return hash.value;
}

static void assert_same_lines(const struct syn_document *doc)
{
    size_t len;
    const char *text = syn_document_text(doc, &len);
    struct syn_document *fresh;
    assert_int_equal(syn_document_new(NULL, text, len, &fresh, NULL), SYN_OK);
    assert_int_equal(syn_line_count(doc), syn_line_count(fresh));
    for (size_t i = 0; i < syn_line_count(fresh); i++)
        assert_int_equal(syn_line_start(doc, i), syn_line_start(fresh, i));
    syn_document_free(fresh);
}

static char *read_sample(const char *id, size_t *len, char *path, size_t max)
{
    char folder[1024];
    snprintf(folder, sizeof folder, "%s/%s", SAMPLES, id);
    DIR *dir = opendir(folder);
    if (!dir) return NULL;
    char *text = NULL;
    for (struct dirent *e; !text && (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        snprintf(path, max, "%s/%s", folder, e->d_name);
        FILE *file = fopen(path, "rb");
        text = file ? malloc(1 << 20) : NULL;
        *len = text ? fread(text, 1, 1 << 20, file) : 0;
        if (file) fclose(file);
    }
    closedir(dir);
    return text;
}

/* Random edits, each taken back later, the way people type and undo: in between, lines are
 * those of the text; at the end the tree is the one of a fresh parse. */
static void edits_and_undo_in_every_language(void **state)
{
    (void)state;
    static const char *const inserts[] = {"x",        "(",         ")",  "{",     "}",
                                          "\n",       "\r\n",      "\"", " ",     "if ",
                                          "\xc3\xa9", "foo(a, b)", "\r", "# c\n", "'"};
    enum { ROUNDS = 6, EDITS = 8 };
    for (size_t row = 0; row < gram_count(); row++) {
        const struct gram_language *lang = gram_at(row);
        char path[2048];
        size_t len;
        char *text = read_sample(lang->id, &len, path, sizeof path);
        assert_non_null(text);
        struct syn_document *doc;
        assert_int_equal(syn_document_new(lang, text, len, &doc, NULL), SYN_OK);
        assert_int_equal(syn_document_parse(doc, 0, NULL), SYN_OK);
        uint64_t want = tree_hash(doc), seed = row + 1;
        for (int round = 0; round < ROUNDS; round++) {
            struct {
                size_t start, len, removed;
                char old[16];
            } undo[EDITS];
            for (int i = 0; i < EDITS; i++) {
                size_t now;
                const char *bytes = syn_document_text(doc, &now);
                size_t start = draw(&seed, (uint32_t)now), end = start + draw(&seed, 8);
                while (start > 0 && ((unsigned char)bytes[start] & 0xc0) == 0x80)
                    start--;
                if (end > now) end = now;
                while (end < now && ((unsigned char)bytes[end] & 0xc0) == 0x80)
                    end++;
                const char *insert = inserts[draw(&seed, sizeof inserts / sizeof *inserts)];
                undo[i].start = start;
                undo[i].len = strlen(insert);
                undo[i].removed = end - start;
                memcpy(undo[i].old, bytes + start, end - start);
                assert_int_equal(syn_document_edit(doc, start, end, insert, strlen(insert), NULL),
                                 SYN_OK);
                assert_false(syn_document_is_parsed(doc));
                assert_same_lines(doc);
                if (draw(&seed, 2)) assert_int_equal(syn_document_parse(doc, 0, NULL), SYN_OK);
            }
            for (int i = EDITS - 1; i >= 0; i--)
                assert_int_equal(syn_document_edit(doc, undo[i].start, undo[i].start + undo[i].len,
                                                   undo[i].old, undo[i].removed, NULL),
                                 SYN_OK);
            size_t now;
            const char *bytes = syn_document_text(doc, &now);
            assert_int_equal(now, len);
            assert_memory_equal(bytes, text, len);
            assert_same_lines(doc);
            assert_int_equal(syn_document_parse(doc, 0, NULL), SYN_OK);
            if (tree_hash(doc) != want)
                fail_msg("%s: round %d: the tree is not the one of a fresh parse", path, round);
        }
        syn_document_free(doc);
        free(text);
    }
}

static void samples_parse_cleanly(void **state)
{
    (void)state;
    for (size_t row = 0; row < gram_count(); row++) {
        char path[2048];
        size_t len;
        char *text = read_sample(gram_at(row)->id, &len, path, sizeof path);
        struct syn_document *doc;
        assert_non_null(text);
        assert_int_equal(syn_document_new(gram_at(row), text, len, &doc, NULL), SYN_OK);
        assert_int_equal(syn_document_parse(doc, 0, NULL), SYN_OK);
        if (syn_document_cost(doc)) fail_msg("%s: cost %u", path, syn_document_cost(doc));
        syn_document_free(doc);
        free(text);
    }
}

static void bad_edits_change_nothing(void **state)
{
    (void)state;
    struct syn_document *doc;
    struct syn_error err;
    assert_int_equal(syn_document_new(NULL, "a\xc3\xa9z", 4, &doc, NULL), SYN_OK);
    static const struct {
        size_t start, end;
        const char *text;
        size_t len;
        enum syn_status want;
    } rows[] = {
        {3, 2, "", 0, SYN_BAD_RANGE},
        {0, 5, "", 0, SYN_BAD_RANGE},
        {2, 2, "x", 1, SYN_BAD_RANGE},
        {0, 2, "x", 1, SYN_BAD_RANGE},
        {0, 0, "\xff", 1, SYN_BAD_TEXT},
        {0, 0, "\xc3", 1, SYN_BAD_TEXT},
        {0, 0, "\xed\xa0\x80", 3, SYN_BAD_TEXT},     /* a surrogate */
        {0, 0, "\xc0\xaf", 2, SYN_BAD_TEXT},         /* too long a form */
        {0, 0, "\xf4\x90\x80\x80", 4, SYN_BAD_TEXT}, /* past the last code point */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        err.text[0] = 0;
        assert_int_equal(
            syn_document_edit(doc, rows[i].start, rows[i].end, rows[i].text, rows[i].len, &err),
            rows[i].want);
        assert_true(err.text[0] != 0);
        size_t len;
        assert_string_equal(syn_document_text(doc, &len), "a\xc3\xa9z");
        assert_int_equal(len, 4);
    }
    syn_document_free(doc);
    assert_int_equal(syn_document_new(NULL, "\x80", 1, &doc, &err), SYN_BAD_TEXT);
    assert_null(doc);
}

static void a_parse_goes_on_after_its_budget(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    static const char line[] = "x = f(a, [b, c])\n";
    size_t len = (sizeof line - 1) * COUNT;
    char *text = malloc(len);
    for (size_t i = 0; i < COUNT; i++)
        memcpy(text + i * (sizeof line - 1), line, sizeof line - 1);
    struct syn_document *doc;
    assert_int_equal(syn_document_new(gram_by_id("python"), text, len, &doc, NULL), SYN_OK);
    int timeouts = 0;
    while (syn_document_parse(doc, 2000, NULL) == SYN_TIMEOUT)
        timeouts++;
    assert_true(timeouts > 0);
    assert_true(syn_document_is_parsed(doc));
    assert_int_equal(syn_document_cost(doc), 0);
    /* An edit between two parts of a parse starts it again, on the new text. */
    assert_int_equal(syn_document_edit(doc, 0, 0, "y = 1\n", 6, NULL), SYN_OK);
    (void)syn_document_parse(doc, 1, NULL);
    assert_int_equal(syn_document_edit(doc, 0, 6, "", 0, NULL), SYN_OK);
    assert_int_equal(syn_document_parse(doc, 0, NULL), SYN_OK);
    struct syn_document *fresh;
    assert_int_equal(syn_document_new(gram_by_id("python"), text, len, &fresh, NULL), SYN_OK);
    assert_int_equal(syn_document_parse(fresh, 0, NULL), SYN_OK);
    assert_true(tree_hash(doc) == tree_hash(fresh));
    syn_document_free(fresh);
    syn_document_free(doc);
    free(text);
}

/* Set, the flag ends whatever parses; taken back, all is as if it had never been. */
static void a_stop_flag_ends_parses(void **state)
{
    (void)state;
    enum { LINES = 4000 };
    char *text = malloc(LINES * 32 + 1), *at = text;
    for (int i = 0; i < LINES; i++)
        at += sprintf(at, i % 7 ? "int f%d(void);\n" : "int f%d(void) { (\n", i);
    size_t len = (size_t)(at - text), cursor = (size_t)(strstr(text, "f2000(") - text) + 6;
    const struct gram_language *lang = gram_by_id("c");
    struct syn_document *doc, *copy;
    struct syn_hole *hole, *expected;
    struct syn_verdict verdict, plain;
    struct syn_error err;
    _Atomic int stop = 1;
    assert_int_equal(syn_document_new(lang, text, len, &doc, NULL), SYN_OK);
    syn_document_set_stop(doc, &stop);
    assert_int_equal(syn_document_parse(doc, 0, &err), SYN_CANCELLED);
    assert_false(syn_document_is_parsed(doc));
    stop = 0;
    assert_int_equal(syn_document_parse(doc, 0, &err), SYN_OK);
    assert_int_equal(syn_document_copy(doc, &copy, NULL), SYN_OK);
    stop = 1;
    assert_int_equal(syn_hole_open(copy, cursor, cursor, &hole, &err), SYN_CANCELLED);
    assert_null(hole);
    stop = 0;
    assert_int_equal(syn_hole_open(copy, cursor, cursor, &hole, &err), SYN_OK);
    stop = 1;
    assert_int_equal(syn_candidate_judge(hole, "int x)", 6, &verdict, &err), SYN_CANCELLED);
    stop = 0;
    assert_int_equal(syn_candidate_judge(hole, "int x)", 6, &verdict, &err), SYN_OK);
    syn_document_set_stop(doc, NULL);
    assert_int_equal(syn_hole_open(doc, cursor, cursor, &expected, &err), SYN_OK);
    assert_int_equal(syn_candidate_judge(expected, "int x)", 6, &plain, &err), SYN_OK);
    assert_string_equal(syn_hole_filling(hole), syn_hole_filling(expected));
    assert_int_equal(syn_hole_cost(hole), syn_hole_cost(expected));
    assert_int_equal(verdict.keep, plain.keep);
    assert_int_equal(verdict.cost_all, plain.cost_all);
    syn_hole_free(hole);
    syn_hole_free(expected);
    syn_document_free(copy);
    syn_document_free(doc);
    free(text);
}

static void copies_are_independent(void **state)
{
    (void)state;
    struct syn_document *doc, *copy;
    assert_int_equal(syn_document_new(gram_by_id("c"), "int a;\n", 7, &doc, NULL), SYN_OK);
    assert_int_equal(syn_document_parse(doc, 0, NULL), SYN_OK);
    assert_int_equal(syn_document_copy(doc, &copy, NULL), SYN_OK);
    uint64_t want = tree_hash(doc);
    assert_int_equal(syn_document_edit(doc, 4, 5, "b = 1", 5, NULL), SYN_OK);
    assert_int_equal(syn_document_parse(doc, 0, NULL), SYN_OK);
    assert_true(tree_hash(copy) == want && tree_hash(doc) != want);
    syn_document_free(doc);
    size_t len;
    assert_string_equal(syn_document_text(copy, &len), "int a;\n");
    assert_true(tree_hash(copy) == want);
    syn_document_free(copy);
}

/* Nesting as deep as the text: nothing here may recurse on it. */
static void deep_nesting_is_no_danger(void **state)
{
    (void)state;
    enum { DEPTH = 20000 };
    char *text = malloc(DEPTH);
    memset(text, '(', DEPTH);
    struct syn_document *doc;
    struct syn_hole *hole;
    assert_int_equal(syn_document_new(gram_by_id("lua"), text, DEPTH, &doc, NULL), SYN_OK);
    assert_int_equal(syn_document_parse(doc, 0, NULL), SYN_OK);
    assert_true(syn_document_cost(doc) > 0);
    assert_int_equal(syn_hole_open(doc, DEPTH / 2, DEPTH / 2, &hole, NULL), SYN_OK);
    struct syn_span spans[2] = {{0, 1}, {DEPTH / 2 - 1, DEPTH / 2}};
    struct syn_record records[2];
    assert_int_equal(syn_hole_features(hole, spans, 2, 0, records, NULL), SYN_OK);
    syn_hole_free(hole);
    syn_document_free(doc);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_and_undo_in_every_language),
        cmocka_unit_test(samples_parse_cleanly),
        cmocka_unit_test(bad_edits_change_nothing),
        cmocka_unit_test(a_parse_goes_on_after_its_budget),
        cmocka_unit_test(a_stop_flag_ends_parses),
        cmocka_unit_test(copies_are_independent),
        cmocka_unit_test(deep_nesting_is_no_danger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
