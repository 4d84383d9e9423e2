/* Code, string or comment: cases as lines of a file. */
#include "grammars/grammars.h"
#include "tests/syntax/case_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* LANGUAGE | TEXT | PLACE: ^ is the cursor, "\n" a line's end. */

static void check_case(const char *line)
{
    static const char *const places[] = {"code", "string", "comment"};
    char lang[32], text[512], place[32];
    size_t n = 0;
    const char *first = strstr(line, " | "), *last = first;
    for (const char *at = first; at; at = strstr(at + 1, " | "))
        last = at;
    if (!first || first == last) fail_msg("%s: expected three fields", line);
    snprintf(lang, sizeof lang, "%.*s", (int)(first - line), line);
    snprintf(place, sizeof place, "%s", last + 3);
    for (const char *at = first + 3; at < last && n + 1 < sizeof text; at++) {
        bool end = at[0] == '\\' && at[1] == 'n';
        text[n++] = end ? '\n' : *at;
        at += end;
    }
    text[n] = 0;
    char *cursor = strchr(text, '^');
    if (!cursor) fail_msg("%s: no ^", line);
    memmove(cursor, cursor + 1, strlen(cursor));
    struct syn_document *doc = case_document(gram_by_id(lang), text, strlen(text));
    struct syn_hole *hole;
    size_t at = (size_t)(cursor - text);
    assert_int_equal(syn_hole_open(doc, at, at, &hole, NULL), SYN_OK);
    const char *found = places[syn_hole_place(hole)];
    if (strcmp(found, place) != 0) fail_msg("%s: it is %s", line, found);
    syn_hole_free(hole);
    syn_document_free(doc);
}

static void cases(void **state)
{
    static char file[65536];
    (void)state;
    case_read(CASES "/place.cases", file, sizeof file);
    for (char *line = strtok(file, "\n"); line; line = strtok(NULL, "\n"))
        if (line[0] != '#') check_case(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cases)};
    return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
