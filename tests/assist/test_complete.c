/* The decode loop and trimming, case by case from files.
 *
 * A case file has the language on its first line, options on the second ("line", "block" or
 * "auto", then "n=2" and "no-grammar" as needed), and then sections:
 *
 *   === text      the buffer, with ^ for the cursor
 *   === model     what the model writes; several for several alternatives
 *   === item STOP one for each item expected, in order; "STOP replaces N": it goes in the place of
 * N closing brackets right of the cursor
 *
 * A section's last line end does not belong to it; a line "\" alone stands for nothing, so
 * that a section may end in a line end.
 */
#include "grammars/grammars.h"
#include "lsp/assist/complete.h"
#include "tests/assist/script_engine.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SECTIONS_MAX = 16 };

struct section {
    char kind[16], argument[32];
    char *text; /* zero-terminated */
};

struct test_case {
    char *source; /* owns all text */
    char language[32], options[64];
    struct section sections[SECTIONS_MAX];
    size_t count;
};

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = calloc(1, 65536);
    size_t n = fread(text, 1, 65535, file);
    text[n] = 0;
    fclose(file);
    return text;
}

/* The section's text ends before the line end in front of the next marker. */
static void finish_section(struct section *s, char *end)
{
    if (end > s->text && end[-1] == '\n') end--;
    if (end > s->text && end[-1] == '\\' && (end - 1 == s->text || end[-2] == '\n')) end--;
    *end = 0;
}

static void parse_case(const char *path, struct test_case *out)
{
    memset(out, 0, sizeof *out);
    out->source = read_file(path);
    char *at = out->source;
    assert_int_equal(sscanf(at, "%31[^\n]\n%63[^\n]", out->language, out->options), 2);
    struct section *open = NULL;
    for (char *line = at; line && *line;) {
        char *next = strchr(line, '\n');
        char *after = next ? next + 1 : line + strlen(line);
        if (strncmp(line, "=== ", 4) == 0) {
            if (open) finish_section(open, line);
            assert_true(out->count < SECTIONS_MAX);
            open = &out->sections[out->count++];
            sscanf(line + 4, "%15[^ \n] %31[^\n]", open->kind, open->argument);
            open->text = after;
        }
        line = after;
        if (!next) break;
    }
    if (open) finish_section(open, open->text + strlen(open->text));
}

static char *section_text(struct test_case *c, const char *kind)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->sections[i].kind, kind) == 0) return c->sections[i].text;
    fail_msg("no section %s", kind);
    return NULL;
}

static void check_items(const char *path, struct test_case *c, const struct asst_result *result)
{
    size_t n = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct section *s = &c->sections[i];
        if (strcmp(s->kind, "item") != 0) continue;
        if (n >= result->count) fail_msg("%s: only %zu items, missing \"%s\"", path, n, s->text);
        const struct asst_item *item = &result->items[n++];
        if (strcmp(item->text, s->text) != 0)
            fail_msg("%s: item %zu is \"%s\", expected \"%s\"", path, n, item->text, s->text);
        char stop[32];
        snprintf(stop, sizeof stop, item->replaces ? "%s replaces %u" : "%s",
                 asst_stop_name(item->stop), item->replaces);
        if (strcmp(stop, s->argument) != 0)
            fail_msg("%s: item %zu stops for \"%s\", expected \"%s\"", path, n, stop, s->argument);
        assert_true(item->confidence > 0 && item->confidence <= 1);
    }
    if (n != result->count) fail_msg("%s: unexpected item \"%s\"", path, result->items[n].text);
}

static void run_case(const char *path)
{
    struct test_case c;
    parse_case(path, &c);
    char *text = section_text(&c, "text"), *cursor = strchr(text, '^');
    assert_non_null(cursor);
    size_t at = (size_t)(cursor - text);
    memmove(cursor, cursor + 1, strlen(cursor));
    char left = text[at];
    text[at] = 0;
    char *newline = strrchr(text, '\n'), line[512];
    snprintf(line, sizeof line, "%s", newline ? newline + 1 : text);
    text[at] = left;

    const char *scripts[SCRIPT_MAX];
    size_t n_scripts = 0;
    for (size_t i = 0; i < c.count; i++)
        if (strcmp(c.sections[i].kind, "model") == 0) scripts[n_scripts++] = c.sections[i].text;
    struct eng_model model;
    char *storage;
    script_model_init(&model, line, scripts, n_scripts, &storage);
    model.has_language_tokens = strstr(c.options, "no-token") == NULL;

    const struct gram_language *lang = gram_by_id(c.language);
    struct syn_document *doc;
    assert_int_equal(syn_document_new(lang, text, strlen(text), &doc, NULL), SYN_OK);
    assert_int_equal(syn_document_parse(doc, 0, NULL), SYN_OK);
    const char *n = strstr(c.options, "n="), *max = strstr(c.options, "max=");
    struct asst_request request = {.doc = doc,
                                   .cursor = at,
                                   .n = n ? (uint32_t)atoi(n + 2) : 0,
                                   .max_tokens = max ? (uint32_t)atoi(max + 4) : 0,
                                   .no_grammar = strstr(c.options, "no-grammar") != NULL,
                                   .scope = strstr(c.options, "block")  ? ASST_SCOPE_BLOCK
                                            : strstr(c.options, "line") ? ASST_SCOPE_LINE
                                                                        : ASST_SCOPE_AUTO};
    struct asst_job *job;
    struct asst_result result;
    struct eng_session *session;
    struct eng_error err = {""};
    eng_session_new(&model, 0, &session, &err);
    if (asst_complete_prepare(&model, &request, &job, &err) != ENG_OK) fail_msg("%s", err.text);
    syn_document_free(doc); /* the job must not need it */
    if (asst_complete_run(session, job, NULL, &result, &err) != ENG_OK) fail_msg("%s", err.text);
    check_items(path, &c, &result);
    asst_result_free(&result);
    asst_job_free(job);
    eng_session_free(session);
    free(storage);
    free(c.source);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void all_cases(void **state)
{
    (void)state;
    DIR *dir = opendir(CASES);
    assert_non_null(dir);
    char *names[256];
    size_t n = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.' && n < 256) names[n++] = strdup(entry->d_name);
    closedir(dir);
    qsort(names, n, sizeof *names, by_name);
    assert_true(n > 0);
    for (size_t i = 0; i < n; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", CASES, names[i]);
        run_case(path);
        free(names[i]);
    }
}

/* ---- What cases cannot say ------------------------------------------------------------- */

static void open_simple(struct syn_document **doc, struct eng_model *model, char **storage,
                        const char *text, const char *script)
{
    script_model_init(model, text, &script, 1, storage);
    assert_int_equal(syn_document_new(gram_by_id("python"), text, strlen(text), doc, NULL), SYN_OK);
    assert_int_equal(syn_document_parse(*doc, 0, NULL), SYN_OK);
}

static void cancelled_runs_leave_nothing(void **state)
{
    (void)state;
    struct syn_document *doc;
    struct eng_model model;
    struct eng_session *session;
    struct asst_job *job;
    struct asst_result result;
    char *storage;
    eng_cancel flag = 0;
    open_simple(&doc, &model, &storage, "x = ", "compute(1, 2, 3)");
    model.cancel_flag = &flag;
    model.cancel_after = 5;
    eng_session_new(&model, 0, &session, NULL);
    struct asst_request request = {.doc = doc, .cursor = 4};
    assert_int_equal(asst_complete_prepare(&model, &request, &job, NULL), ENG_OK);
    assert_int_equal(asst_complete_run(session, job, &flag, &result, NULL), ENG_CANCELLED);
    assert_int_equal(result.count, 0);
    assert_null(result.storage);
    /* The same job runs again when asked to. */
    flag = 0;
    model.cancel_flag = NULL;
    assert_int_equal(asst_complete_run(session, job, &flag, &result, NULL), ENG_OK);
    assert_int_equal(result.count, 1);
    assert_string_equal(result.items[0].text, "compute(1, 2, 3)");
    asst_result_free(&result);
    asst_job_free(job);
    eng_session_free(session);
    syn_document_free(doc);
    free(storage);
}

static void cursor_outside_is_refused(void **state)
{
    (void)state;
    struct syn_document *doc;
    struct eng_model model;
    struct asst_job *job;
    struct eng_error err = {""};
    char *storage;
    open_simple(&doc, &model, &storage, "x = 1", "2");
    struct asst_request request = {.doc = doc, .cursor = 6};
    assert_int_equal(asst_complete_prepare(&model, &request, &job, &err), ENG_BAD_INPUT);
    assert_null(job);
    assert_string_equal(err.text, "cursor at byte 6 of a text of 5 bytes");
    syn_document_free(doc);
    free(storage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_cases),
        cmocka_unit_test(cancelled_runs_leave_nothing),
        cmocka_unit_test(cursor_outside_is_refused),
    };
    return cmocka_run_group_tests_name("complete", tests, NULL, NULL);
}
