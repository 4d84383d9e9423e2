/* What may come next: cases, and what people wrote into the samples: none of it is refused, in
 * single lines and across several, however it is cut into tokens. */
#include "grammars/grammars.h"
#include "tests/syntax/case_files.h"
#include "tests/syntax/pretoken.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FIELDS = 5, MAX_BYTES = 1 << 20, HOLES = 25, MAX_SPANS = 2048 };

/* ---- Cases ----------------------------------------------------------------------------- */

/* Blanks around the field go, "\n" becomes a line's end and "\\" a backslash. */
static char *field(char *at)
{
    at += strspn(at, " ");
    char *out = at, *end = at + strlen(at);
    while (end > at && end[-1] == ' ')
        end--;
    for (char *in = at; in < end; in++) {
        if (*in == '\\' && in + 1 < end && (in[1] == 'n' || in[1] == 't' || in[1] == '\\')) {
            in++;
            *out++ = *in == 'n' ? '\n' : *in == 't' ? '\t' : '\\';
        } else {
            *out++ = *in;
        }
    }
    *out = 0;
    return at;
}

static void check_case(char *line)
{
    char copy[512], *fields[FIELDS];
    snprintf(copy, sizeof copy, "%s", line);
    size_t n = 0;
    for (char *at = line, *bar = at; bar && n < FIELDS; at = bar + 3) {
        bar = strstr(at, " | ");
        if (bar) *bar = 0;
        fields[n++] = at;
        if (bar && bar[3] == '|') bar--; /* an empty field */
    }
    if (n != FIELDS) fail_msg("%s: expected %d fields", copy, FIELDS);
    for (size_t i = 0; i < FIELDS; i++)
        fields[i] = field(fields[i]);
    char *text = fields[1], *cursor = strchr(text, '^');
    if (!cursor) fail_msg("%s: no ^", copy);
    memmove(cursor, cursor + 1, strlen(cursor));
    struct syn_document *doc = case_document(gram_by_id(fields[0]), text, strlen(text));
    struct syn_hole *hole;
    struct syn_follow begin, at;
    size_t place = (size_t)(cursor - text);
    assert_int_equal(syn_hole_open(doc, place, place, &hole, NULL), SYN_OK);
    syn_follow_begin(hole, &begin);
    syn_follow_at(&begin, fields[2], strlen(fields[2]), &at);
    bool may = syn_follow_admits(&at, fields[3], strlen(fields[3]));
    if (may != !strcmp(fields[4], "yes")) fail_msg("%s: it is the other way round", copy);
    syn_hole_free(hole);
    syn_document_free(doc);
}

static void cases(void **state)
{
    (void)state;
    static char text[65536];
    size_t count = 0;
    case_read(CASES "/follow.cases", text, sizeof text);
    for (char *line = text, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = 0;
        if (*line == 0 || *line == '#') continue;
        check_case(line);
        count++;
    }
    assert_true(count > 30);
}

/* ---- What people wrote ------------------------------------------------------------------ */

static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(((*state >> 32) * below) >> 32);
}

struct count {
    size_t holes, unknown, refused;
};

static void try_hole(const struct syn_document *doc, size_t start, size_t end, size_t piece,
                     struct count *count)
{
    static struct syn_span spans[MAX_SPANS];
    const char *text = syn_document_text(doc, NULL);
    struct syn_hole *hole;
    struct syn_follow begin, at;
    assert_int_equal(syn_hole_open(doc, start, end, &hole, NULL), SYN_OK);
    syn_follow_begin(hole, &begin);
    count->holes++;
    count->unknown += begin.unknown;
    size_t n = pretoken_split(text, start, end, piece, spans, MAX_SPANS);
    for (size_t i = 0; i < n && i < MAX_SPANS; i++) {
        const char *next = text + spans[i].start;
        syn_follow_at(&begin, text + start, spans[i].start - start, &at);
        if (syn_follow_admits(&at, next, spans[i].end - spans[i].start)) continue;
        count->refused++;
        print_message("refused: %.*s in %.*s\n", (int)(spans[i].end - spans[i].start), next,
                      (int)(end - start), text + start);
        break;
    }
    syn_hole_free(hole);
}

static void try_file(const char *path, const struct gram_language *lang, struct count *count)
{
    static char text[MAX_BYTES];
    size_t len = case_read(path, text, sizeof text);
    struct syn_document *doc = case_document(lang, text, len);
    uint64_t seed = len;
    for (unsigned i = 0; i < HOLES; i++) {
        size_t lines = syn_line_count(doc), line = draw(&seed, (uint32_t)lines);
        size_t last = line + (i % 2 ? 0 : draw(&seed, 6));
        if (last >= lines) last = lines - 1;
        size_t start = syn_line_start(doc, line), end = syn_line_end(doc, last);
        if (end > start) start += draw(&seed, (uint32_t)(syn_line_end(doc, line) - start + 1));
        while (start > 0 && ((unsigned char)text[start] & 0xc0) == 0x80)
            start--;
        try_hole(doc, start, end, i % 3 ? 99 : 1, count);
    }
    syn_document_free(doc);
}

static void what_was_written_may_come(void **state)
{
    (void)state;
    for (size_t i = 0; i < gram_count(); i++) {
        char folder[1024], path[2048];
        struct dirent **entries;
        struct count count = {0};
        snprintf(folder, sizeof folder, "%s/%s", SAMPLES, gram_at(i)->id);
        int n = scandir(folder, &entries, NULL, alphasort);
        for (int e = 0; e < n; e++) {
            snprintf(path, sizeof path, "%s/%s", folder, entries[e]->d_name);
            if (entries[e]->d_name[0] != '.') try_file(path, gram_at(i), &count);
            free(entries[e]);
        }
        if (n >= 0) free(entries);
        print_message("%-10s %zu holes, nothing known at %zu, refused %zu\n", gram_at(i)->id,
                      count.holes, count.unknown, count.refused);
        assert_true(count.holes >= HOLES);
        assert_int_equal(count.refused, 0);
        assert_true(count.unknown * 4 < count.holes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cases),
                                       cmocka_unit_test(what_was_written_may_come)};
    return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
