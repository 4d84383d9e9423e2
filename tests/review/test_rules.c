/* Every rule of a language, by cases.
 *
 *   test_review_rules LANGUAGE [CODE]
 *
 * cases/LANGUAGE/CODE.cases is a list of texts, each behind one of these lines:
 *
 *   --- finds LINE...   the rule finds something that starts on each of these lines, from 1
 *   --- fixed           behind a text that finds: what all fixes make of it
 *   --- nothing         the rule finds nothing
 *
 * Texts are without syntax errors. Each rule needs three that find and three that do not. Where a
 * rule has a rewrite, what it makes of a text has no errors either, and the rule finds nothing
 * there that has a fix. Says all that is wrong, and ends with 1 if anything was. */
#include "grammars/grammars.h"
#include "lsp/assist/review/review.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST = 3, MAX_FILE = 262144, MAX_LINES = 64 };

struct cases {
    const struct rev_rules *rules;
    const char *code;
    char path[1024];
    unsigned line; /* of the case, in its file */
    unsigned finding, quiet, bad;
};

static void complain(struct cases *c, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("%s:%u: ", c->path, c->line);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
    c->bad++;
}

static struct syn_document *parse(struct cases *c, const char *text, size_t len, const char *what)
{
    struct syn_document *doc = NULL;
    struct syn_error err = {""};
    if (syn_document_new(c->rules->lang, text, len, &doc, &err) != SYN_OK ||
        syn_document_parse(doc, 0, &err) != SYN_OK)
        complain(c, "%s: %s", what, err.text);
    else if (syn_document_cost(doc) > 0)
        complain(c, "%s has syntax errors:\n%.*s", what, (int)len, text);
    return doc;
}

static void review(struct cases *c, const struct syn_document *doc, struct rev_findings *out)
{
    struct syn_error err = {""};
    size_t len;
    syn_document_text(doc, &len);
    if (rev_review(c->rules, c->code, NULL, doc, 0, len, out, &err) != SYN_OK)
        complain(c, "%s", err.text);
}

/* ---- Checks ------------------------------------------------------------------------ */

static void check_lines(struct cases *c, const struct syn_document *doc,
                        const struct rev_findings *found, const size_t *lines, size_t n)
{
    size_t line, column, matched = 0;
    for (size_t i = 0; i < found->count; i++) {
        syn_position_of(doc, found->list[i].start, SYN_UTF8, &line, &column);
        bool known = i < n && lines[i] == line + 1;
        matched += known;
        if (!known)
            complain(c, "finding %zu is on line %zu: %s", i + 1, line + 1, found->list[i].message);
    }
    if (found->count != n || matched != n)
        complain(c, "%zu findings, expected %zu", found->count, n);
}

static void check_fixes(struct cases *c, const struct syn_document *doc,
                        const struct rev_findings *found, const char *fixed, size_t fixed_len)
{
    size_t len, applied;
    char *text = rev_apply(doc, found, true, &len, &applied);
    if (fixed && (len != fixed_len || memcmp(text, fixed, len) != 0))
        complain(c, "the fixes make this of it:\n%.*s", (int)len, text);
    struct syn_document *changed = parse(c, text, len, "what the fixes make of it");
    struct rev_findings again;
    if (changed) {
        review(c, changed, &again);
        for (size_t i = 0; i < again.count; i++)
            if (again.list[i].fix.text)
                complain(c, "the fix leaves a finding: %s", again.list[i].message);
        rev_findings_free(&again);
    }
    syn_document_free(changed);
    free(text);
}

/* One text; fixed may be NULL. lines[n]: where it has findings. */
static void check(struct cases *c, const char *text, size_t len, const size_t *lines, size_t n,
                  const char *fixed, size_t fixed_len)
{
    struct rev_findings found = {0};
    struct syn_document *doc = parse(c, text, len, "the text");
    *(n > 0 ? &c->finding : &c->quiet) += 1;
    if (!doc) return;
    review(c, doc, &found);
    check_lines(c, doc, &found, lines, n);
    if (found.count > 0) check_fixes(c, doc, &found, fixed, fixed_len);
    rev_findings_free(&found);
    syn_document_free(doc);
}

/* ---- Files of cases ---------------------------------------------------------------- */

static size_t read_lines(const char *words, size_t *lines)
{
    size_t n = 0;
    char *end;
    for (const char *at = words; n < MAX_LINES; at = end) {
        size_t line = strtoul(at, &end, 10);
        if (end == at) break;
        lines[n++] = line;
    }
    return n;
}

/* The end of a text: the next line that starts with "--- ", or that of the file. */
static const char *text_end(const char *at)
{
    if (strncmp(at, "--- ", 4) == 0) return at;
    const char *next = strstr(at, "\n--- ");
    return next ? next + 1 : at + strlen(at);
}

static void check_file(struct cases *c, const char *file)
{
    const char *at = file;
    c->line = 1;
    while (strncmp(at, "--- ", 4) == 0) {
        size_t lines[MAX_LINES], n = 0;
        const char *newline = strchr(at, '\n');
        bool finds = strncmp(at, "--- finds ", 10) == 0;
        if (finds) n = read_lines(at + 10, lines);
        if (!newline || (finds ? n == 0 : strncmp(at, "--- nothing", 11) != 0)) break;
        const char *text = newline + 1, *end = text_end(text), *fixed = NULL, *next = end;
        if (finds && strncmp(end, "--- fixed\n", 10) == 0) {
            fixed = end + 10;
            next = text_end(fixed);
        }
        check(c, text, (size_t)(end - text), lines, n, fixed, fixed ? (size_t)(next - fixed) : 0);
        for (; at < next; at++)
            c->line += *at == '\n';
    }
    if (*at) complain(c, "expected '--- finds LINE...' or '--- nothing', or the end");
}

static unsigned check_rule(const struct rev_rules *rules, const char *code)
{
    static char file[MAX_FILE];
    struct cases c = {.rules = rules, .code = code};
    snprintf(c.path, sizeof c.path, "%s/%s/%s.cases", CASES, rules->lang->id, code);
    FILE *stream = fopen(c.path, "rb");
    size_t n = stream ? fread(file, 1, sizeof file - 1, stream) : 0;
    if (stream) fclose(stream);
    file[n] = 0;
    if (n == 0 || n == sizeof file - 1)
        complain(&c, "cannot be read, is empty, or larger than %d bytes", MAX_FILE - 1);
    else
        check_file(&c, file);
    if (c.finding < LEAST || c.quiet < LEAST)
        complain(&c, "%u texts that find and %u that do not: expected %d of each", c.finding,
                 c.quiet, LEAST);
    return c.bad;
}

int main(int argc, char **argv)
{
    const struct gram_language *lang = argc > 1 ? gram_by_id(argv[1]) : NULL;
    struct rev_rules *rules;
    struct syn_error err = {""};
    unsigned bad = 0, n = 0;
    if (!lang) {
        fprintf(stderr, "usage: test_review_rules LANGUAGE [CODE]\n");
        return 2;
    }
    if (!rev_rules_new(lang, &rules, &err)) {
        printf("%s\n", err.text);
        return 1;
    }
    for (size_t i = 0; i < rules->count; i++)
        if (argc < 3 || strcmp(argv[2], rules->rules[i]->code) == 0) {
            bad += check_rule(rules, rules->rules[i]->code);
            n++;
        }
    printf("%s: %u rules, %u complaints\n", lang->id, n, bad);
    rev_rules_free(rules);
    return bad > 0 || n == 0;
}
