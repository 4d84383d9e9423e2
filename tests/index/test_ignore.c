/* Rules of ignore files: tests/index/ignore/NAME.case:
 *
 *   # what it is about
 *   rules:
 *   the file
 *   expect:
 *   ignored|kept|undecided PATH     a folder's path ends with a slash
 */
#include "lsp/index/ignore.h"
#include "tests/syntax/case_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_FILE 65536

static void check_line(const char *path, const struct idx_ignore *ignore, char *line)
{
    static const char *const verdicts[] = {"undecided", "ignored", "kept"};
    char *name = strchr(line, ' ');
    assert_non_null(name);
    *name++ = 0;
    size_t len = strlen(name);
    bool folder = len > 0 && name[len - 1] == '/';
    if (folder) name[len - 1] = 0;
    const char *got = verdicts[idx_ignore_match(ignore, name, folder)];
    if (strcmp(got, line) != 0) fail_msg("%s: %s is %s, expected %s", path, name, got, line);
}

static void holds(const char *path, void *user)
{
    static char file[MAX_FILE];
    (void)user;
    case_read(path, file, sizeof file);
    char *rules = strstr(file, "rules:\n"), *expect = strstr(file, "\nexpect:\n");
    if (!rules || !expect) fail_msg("%s: not understood", path);
    rules += strlen("rules:\n");
    struct idx_ignore *ignore = idx_ignore_read(rules, (size_t)(expect + 1 - rules));
    assert_non_null(ignore);
    char *at = expect + strlen("\nexpect:\n");
    while (*at) {
        char *end = at + strcspn(at, "\n"), *next = *end ? end + 1 : end;
        *end = 0;
        check_line(path, ignore, at);
        at = next;
    }
    idx_ignore_free(ignore);
}

static void all_cases_hold(void **state)
{
    (void)state;
    assert_true(case_each(CASES, holds, NULL) >= 5);
}

/* Rules beyond the limit are not read, and pattern and path may be as long as they like. */
static void rules_are_bounded(void **state)
{
    (void)state;
    size_t len = 0;
    char *text = malloc(IDX_IGNORE_MAX_RULES * 8);
    assert_non_null(text);
    for (int i = 0; i < IDX_IGNORE_MAX_RULES + 100; i++)
        len += (size_t)sprintf(text + len, "r%d\n", i);
    struct idx_ignore *ignore = idx_ignore_read(text, len);
    assert_int_equal(idx_ignore_count(ignore), IDX_IGNORE_MAX_RULES);
    idx_ignore_free(ignore);
    memset(text, '*', IDX_IGNORE_MAX_PATTERN + 1);
    ignore = idx_ignore_read(text, IDX_IGNORE_MAX_PATTERN + 1);
    assert_int_equal(idx_ignore_count(ignore), 0);
    idx_ignore_free(ignore);
    free(text);
}

/* Windows line ends and a byte order mark. */
static void other_editors_files_are_read(void **state)
{
    (void)state;
    static const char text[] = "\xef\xbb\xbf*.o\r\nbuild/\r\n";
    struct idx_ignore *ignore = idx_ignore_read(text, sizeof text - 1);
    assert_int_equal(idx_ignore_match(ignore, "a.o", false), IDX_IGNORED);
    assert_int_equal(idx_ignore_match(ignore, "build", true), IDX_IGNORED);
    idx_ignore_free(ignore);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_cases_hold),
        cmocka_unit_test(rules_are_bounded),
        cmocka_unit_test(other_editors_files_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
