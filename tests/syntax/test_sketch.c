/* Sketches, case by case: tests/syntax/sketches/LANGUAGE.case holds
 *
 *   pattern: foo($A, $$$R)
 *   text: foo(a, b, c); bar();
 *   found: foo(a, b, c) | A=a | R=b, c
 *
 * perhaps with a line "where:" behind the pattern,
 * with as many lines "found:" as there are places, and "refused:" with a part of the message where
 * the pattern is none. \n and \t are escapes. With a case as argument: prints what comes out. */
#include "grammars/grammars.h"
#include "syntax/sketch.h"
#include "tests/syntax/case_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_FILE = 65536, MAX_LINE = 4096 };

struct text {
    char bytes[MAX_FILE];
    size_t len;
};

static void put(struct text *out, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        assert_true(out->len + 3 < sizeof out->bytes);
        const char *escape = bytes[i] == '\n' ? "\\n" : bytes[i] == '\t' ? "\\t" : NULL;
        if (escape) memcpy(out->bytes + out->len, escape, 2);
        if (!escape) out->bytes[out->len] = bytes[i];
        out->len += escape ? 2 : 1;
    }
    out->bytes[out->len] = 0;
}

static void put_line(struct text *out, const char *key, const char *value)
{
    out->len +=
        (size_t)snprintf(out->bytes + out->len, sizeof out->bytes - out->len, "%s%s\n", key, value);
    assert_true(out->len < sizeof out->bytes);
}

static void unescape(const char *from, char out[MAX_LINE])
{
    size_t n = 0;
    for (; *from; from++) {
        bool escape = *from == '\\' && (from[1] == 'n' || from[1] == 't');
        out[n++] = !escape ? *from : *++from == 'n' ? '\n' : '\t';
        assert_true(n < MAX_LINE);
    }
    out[n] = 0;
}

struct seen {
    const struct syn_sketch *sketch;
    const char *text;
    struct text *out;
    uint32_t last;
};

static bool on_found(size_t which, const struct syn_found *found, void *user)
{
    static const char *const names[] = {"A", "B", "C", "R", "S"};
    struct seen *s = user;
    assert_int_equal(which, 0);
    assert_true(found->span.start >= s->last);
    s->last = found->span.start;
    s->out->len += (size_t)snprintf(s->out->bytes + s->out->len, 8, "found: ");
    put(s->out, s->text + found->span.start, found->span.end - found->span.start);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int n = syn_sketch_name(s->sketch, names[i], 1);
        if (n < 0) continue;
        s->out->len += (size_t)snprintf(s->out->bytes + s->out->len, 8, " | %s=", names[i]);
        put(s->out, s->text + found->names[n].start, found->names[n].end - found->names[n].start);
    }
    s->out->bytes[s->out->len++] = '\n';
    return true;
}

/* where: what has to hold; "" for nothing. */
static void try(const struct gram_language *lang, const char *pattern, const char *where,
                const char *text, struct text *out)
{
    char sketched[MAX_LINE], bytes[MAX_LINE];
    struct syn_sketch *sketch;
    struct syn_error err;
    unescape(pattern, sketched);
    unescape(text, bytes);
    put_line(out, "pattern: ", pattern);
    if (*where) put_line(out, "where: ", where);
    put_line(out, "text: ", text);
    if (syn_sketch_new(lang, sketched, strlen(sketched), &sketch, &err) != SYN_OK) {
        put_line(out, "refused: ", err.text);
        return;
    }
    if (*where && syn_sketch_require(sketch, where, strlen(where), &err) != SYN_OK) {
        put_line(out, "refused: ", err.text);
        syn_sketch_free(sketch);
        return;
    }
    struct syn_document *doc = case_document(lang, bytes, strlen(bytes));
    struct seen seen = {sketch, bytes, out, 0};
    size_t before = out->len;
    const struct syn_sketch *const sketches[] = {sketch};
    assert_int_equal(
        syn_sketch_run(sketches, 1, doc, (struct syn_span){0, UINT32_MAX}, on_found, &seen, NULL),
        SYN_OK);
    if (out->len > before) assert_true(syn_sketch_may_match(sketch, bytes, strlen(bytes)));
    syn_document_free(doc);
    syn_sketch_free(sketch);
}

static void check_case(const char *path, bool print)
{
    static char file[MAX_FILE], copy[MAX_FILE];
    static struct text got;
    char id[32], pattern[MAX_LINE] = "", where[MAX_LINE] = "";
    const char *name = strrchr(path, '/') + 1;
    case_read(path, file, sizeof file);
    memcpy(copy, file, sizeof copy);
    snprintf(id, sizeof id, "%.*s", (int)strcspn(name, "."), name);
    const struct gram_language *lang = gram_by_id(id);
    assert_non_null(lang);
    got = (struct text){.len = 0};
    for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "pattern: ", 9) == 0) {
            snprintf(pattern, sizeof pattern, "%s", line + 9);
            where[0] = 0;
        }
        if (strncmp(line, "where: ", 7) == 0) snprintf(where, sizeof where, "%s", line + 7);
        if (strncmp(line, "text: ", 6) == 0) try(lang, pattern, where, line + 6, &got);
        if (*line == '#') put_line(&got, "", line);
    }
    got.bytes[got.len] = 0;
    if (print)
        fputs(got.bytes, stdout);
    else if (strcmp(got.bytes, file) != 0)
        fail_msg("%s: got\n%s", path, got.bytes);
}

static void holds(const char *path, void *user)
{
    (void)user;
    check_case(path, false);
}

static void all_cases_hold(void **state)
{
    (void)state;
    assert_true(case_each(CASES, holds, NULL) >= 17);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_cases_hold)};
    if (argc > 1) {
        check_case(argv[1], true);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
