/* Prompts whose window is cut and has an outline in front of it, on the sample files:
 * tests/assist/outlines/NAME.case:
 *
 *   sample: LANGUAGE/FILE of tests/samples
 *   cursor: LINE      at the end of this line
 *   budget: TOKENS    of the sequence
 *   outline: TOKENS   of the outline at most
 *   expect:
 *   the text of the outline
 *
 * One token is one byte in the model's vocabulary. The cursor's line is also typed byte by
 * byte, and the outline has to stay while the window does. With a case as argument: prints
 * what comes out. */
#include "grammars/grammars.h"
#include "lsp/assist/prompt.h"
#include "lsp/assist/tokens.h"
#include "tests/syntax/case_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_FILE 65536

struct outline_case {
    const struct eng_model *model;
    const char *path;
    char sample[128], *expect;
    unsigned line; /* from 1 */
    struct asst_prompt_options options;
    char text[MAX_FILE];
    size_t len;
    const struct gram_language *lang;
};

static void read_case(struct outline_case *c, const char *path, char *file)
{
    char sample[1024];
    c->path = path;
    case_read(path, file, MAX_FILE);
    c->options = (struct asst_prompt_options){
        .order = ASST_ORDER_SPM, .middle_max = 64, .suffix_max = 96, .chunk = 64};
    if (sscanf(file, "sample: %127s cursor: %u budget: %u outline: %u", c->sample, &c->line,
               &c->options.budget, &c->options.outline_max) != 4)
        fail_msg("%s: not understood", path);
    c->expect = strstr(file, "expect:\n");
    assert_non_null(c->expect);
    c->expect += strlen("expect:\n");
    snprintf(sample, sizeof sample, "%s/%s", SAMPLES, c->sample);
    c->len = case_read(sample, c->text, sizeof c->text);
    c->lang = gram_by_path(sample, c->text, c->len);
    assert_non_null(c->lang);
}

static void build_at(const struct outline_case *c, const struct syn_document *doc, size_t at,
                     const struct asst_prompt_options *options, struct asst_tokens *tokens,
                     struct asst_prompt *out)
{
    struct syn_hole *hole;
    struct eng_error err = {""};
    assert_int_equal(syn_hole_open(doc, at, at, &hole, NULL), SYN_OK);
    struct asst_source source = {doc, hole, at, at, tokens, NULL};
    if (asst_prompt_build(c->model, &source, options, out, &err) != ENG_OK)
        fail_msg("%s: %s", c->path, err.text);
    syn_hole_free(hole);
}

static size_t prefix_at(const struct outline_case *c, const struct asst_prompt *p)
{
    const char *before = c->options.order == ASST_ORDER_SPM ? "<|fim_middle|>" : "<|fim_prefix|>";
    int32_t id = eng_special_token(c->model, before);
    for (uint32_t i = 0; i < p->length; i++)
        if (p->inputs[i].id == id) return i + 1;
    fail_msg("%s: no prefix", c->path);
    return 0;
}

/* Bytes of n tokens from position `from` on. */
static void spell(const struct outline_case *c, const struct asst_prompt *p, size_t from, size_t n,
                  char *out)
{
    for (size_t i = from; i < from + n; i++) {
        size_t len = 0;
        const char *text = eng_token_text(c->model, p->inputs[i].id, &len);
        assert_non_null(text);
        memcpy(out, text, len);
        out += len;
    }
    *out = 0;
}

/* What every prompt with an outline promises. */
static void check_prompt(const struct outline_case *c, const struct syn_document *doc,
                         const struct asst_prompt *p)
{
    static char got[MAX_FILE];
    size_t len, first = prefix_at(c, p), n = p->heal_start - p->window_start;
    const char *text = syn_document_text(doc, &len);
    assert_true(p->n_outline <= c->options.outline_max);
    assert_true(p->length + c->options.middle_max < c->options.budget);
    if (c->options.chunk) assert_int_equal(p->window_start % c->options.chunk, 0);
    spell(c, p, first + p->n_outline, n, got);
    assert_memory_equal(got, text + p->window_start, n);
    /* Its lines are those of the document, in order, in front of the window. */
    spell(c, p, first, p->n_outline, got);
    const char *at = text;
    for (char *line = got; *line;) {
        size_t bytes = strcspn(line, "\n");
        bytes += line[bytes] == '\n';
        while (at < text + p->window_start &&
               (strncmp(at, line, bytes) != 0 || (at > text && at[-1] != '\n')))
            at++;
        if (at + bytes > text + p->window_start)
            fail_msg("%s: not in front of the window: %.*s", c->path, (int)bytes, line);
        at += bytes;
        line += bytes;
    }
    for (uint32_t i = 0; i < p->length; i++)
        for (int l = 0; l < ENG_LEVELS; l++)
            assert_true(p->inputs[i].record.chain[l] < (int32_t)i);
}

static void outline_of(const struct outline_case *c, const struct asst_prompt *p, char *out)
{
    spell(c, p, prefix_at(c, p), p->n_outline, out);
}

static void type_line(struct outline_case *c, size_t start, size_t end)
{
    static char text[MAX_FILE], first[MAX_FILE], now[MAX_FILE];
    memcpy(text, c->text, start);
    memcpy(text + start, c->text + end, c->len - end);
    struct syn_document *doc = case_document(c->lang, text, c->len - (end - start));
    struct asst_tokens *tokens;
    assert_int_equal(asst_tokens_new(c->model, &tokens, NULL), ENG_OK);
    size_t window = SIZE_MAX, windows = 0;
    for (size_t at = start; at < end; at++) {
        struct asst_prompt p, fresh;
        assert_int_equal(syn_document_edit(doc, at, at, c->text + at, 1, NULL), SYN_OK);
        assert_int_equal(syn_document_parse(doc, 0, NULL), SYN_OK);
        build_at(c, doc, at + 1, &c->options, tokens, &p);
        check_prompt(c, doc, &p);
        outline_of(c, &p, now);
        if (p.window_start == window && strcmp(first, now) != 0)
            fail_msg("%s: after %zu bytes the outline is\n%sand was\n%s", c->path, at + 1 - start,
                     now, first);
        windows += p.window_start != window;
        window = p.window_start;
        memcpy(first, now, sizeof now);
        build_at(c, doc, at + 1, &c->options, NULL, &fresh);
        assert_int_equal(p.length, fresh.length);
        assert_memory_equal(p.inputs, fresh.inputs, p.length * sizeof *p.inputs);
        asst_prompt_free(&fresh);
        asst_prompt_free(&p);
    }
    assert_true(windows <= (end - start) / c->options.chunk + 2);
    asst_tokens_free(tokens);
    syn_document_free(doc);
}

/* Somewhere a token of the window has to have an ancestor in the outline. */
static bool points_into_outline(const struct outline_case *c, const struct asst_prompt *p)
{
    int32_t first = (int32_t)prefix_at(c, p), end = first + (int32_t)p->n_outline;
    for (uint32_t i = (uint32_t)end; i < p->length; i++)
        for (int l = 0; l < ENG_LEVELS; l++)
            if (p->inputs[i].record.chain[l] >= first && p->inputs[i].record.chain[l] < end)
                return true;
    return false;
}

static void check_case(const struct eng_model *model, const char *path, bool print)
{
    static char file[MAX_FILE], got[MAX_FILE];
    struct outline_case *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->model = model;
    read_case(c, path, file);
    struct syn_document *doc = case_document(c->lang, c->text, c->len);
    size_t start = syn_line_start(doc, c->line - 1), end = syn_line_end(doc, c->line - 1);
    while (start < end && (c->text[start] == ' ' || c->text[start] == '\t'))
        start++;
    struct asst_prompt p, psm;
    build_at(c, doc, end, &c->options, NULL, &p);
    outline_of(c, &p, got);
    if (print) {
        printf("%.*s%s", (int)(c->expect - file), file, got);
    } else {
        check_prompt(c, doc, &p);
        if (strcmp(got, c->expect) != 0)
            fail_msg("%s: the outline is\n%sexpected\n%s", path, got, c->expect);
        assert_true(points_into_outline(c, &p));
        c->options.order = ASST_ORDER_PSM;
        build_at(c, doc, end, &c->options, NULL, &psm);
        check_prompt(c, doc, &psm);
        outline_of(c, &psm, got);
        assert_string_equal(got, c->expect);
        asst_prompt_free(&psm);
        c->options.order = ASST_ORDER_SPM;
        type_line(c, start, end);
    }
    asst_prompt_free(&p);
    syn_document_free(doc);
    free(c);
}

static void holds(const char *path, void *model)
{
    check_case(model, path, false);
}

static void all_cases_hold(void **state)
{
    assert_true(case_each(CASES, holds, *state) >= 8);
}

static struct outline_case *open_sample(void **state, const char *name, struct syn_document **doc)
{
    struct outline_case *c = calloc(1, sizeof *c);
    char sample[1024];
    assert_non_null(c);
    c->model = *state;
    c->path = name;
    c->options = (struct asst_prompt_options){
        .order = ASST_ORDER_SPM, .budget = 1200, .middle_max = 64, .suffix_max = 96, .chunk = 64};
    snprintf(sample, sizeof sample, "%s/%s", SAMPLES, name);
    c->len = case_read(sample, c->text, sizeof c->text);
    c->lang = gram_by_path(sample, c->text, c->len);
    *doc = case_document(c->lang, c->text, c->len);
    return c;
}

/* Where the whole prefix fits, and where there is no room for both, the option changes
 * nothing; nor does a document without a tree. */
static void without_need_there_is_none(void **state)
{
    struct syn_document *doc;
    struct outline_case *c = open_sample(state, "c/ring_buffer.c", &doc);
    struct asst_prompt plain, p;
    size_t at = syn_line_end(doc, 20), far = syn_line_end(doc, 160);
    build_at(c, doc, at, &c->options, NULL, &plain);
    c->options.outline_max = 300;
    build_at(c, doc, at, &c->options, NULL, &p);
    assert_int_equal(p.n_outline + p.window_start, 0);
    assert_int_equal(p.length, plain.length);
    assert_memory_equal(p.inputs, plain.inputs, p.length * sizeof *p.inputs);
    asst_prompt_free(&plain);
    asst_prompt_free(&p);

    c->options.outline_max = 0;
    build_at(c, doc, far, &c->options, NULL, &plain);
    c->options.outline_max = 1000; /* of 1200 less middle, suffix and specials */
    build_at(c, doc, far, &c->options, NULL, &p);
    assert_int_equal(p.n_outline, 0);
    assert_true(p.window_start > 0);
    assert_int_equal(p.length, plain.length);
    assert_memory_equal(p.inputs, plain.inputs, p.length * sizeof *p.inputs);
    asst_prompt_free(&p);

    struct asst_source source = {.doc = doc, .hole_start = far, .hole_end = far};
    c->options.outline_max = 300;
    assert_int_equal(asst_prompt_build(c->model, &source, &c->options, &p, NULL), ENG_OK);
    assert_int_equal(p.n_outline, 0);
    assert_int_equal(p.length, plain.length);
    asst_prompt_free(&p);
    asst_prompt_free(&plain);
    syn_document_free(doc);
    free(c);
}

/* What the outline leaves of its share goes to the window: however large the share, the
 * sequence is as full as without. */
static void the_rest_goes_to_the_window(void **state)
{
    struct syn_document *doc;
    struct outline_case *c = open_sample(state, "python/job_queue.py", &doc);
    size_t at = syn_line_end(doc, 120);
    for (uint32_t share = 0; share <= 800; share += 50) {
        struct asst_prompt p;
        c->options.outline_max = share;
        build_at(c, doc, at, &c->options, NULL, &p);
        check_prompt(c, doc, &p);
        uint32_t room = c->options.budget - c->options.middle_max - 5;
        assert_true(p.length + 2 * c->options.chunk > room);
        asst_prompt_free(&p);
    }
    syn_document_free(doc);
    free(c);
}

/* In windows of a complete text, what is to be predicted has no say in the outline. */
static void plain_windows_have_outlines(void **state)
{
    struct syn_document *doc, *other;
    struct outline_case *c = open_sample(state, "java/DateMath.java", &doc);
    static char text[MAX_FILE], got[2][MAX_FILE];
    size_t start = syn_line_start(doc, 120), known = syn_line_start(doc, 126);
    memcpy(text, c->text, c->len);
    for (size_t i = known; i < c->len; i++) /* other names, the same tree */
        if (text[i] >= 'a' && text[i] <= 'y' && text[i - 1] == ' ' && text[i + 1] == ' ') text[i]++;
    other = case_document(c->lang, text, c->len);
    for (int k = 0; k < 2; k++) {
        struct asst_prompt p;
        struct asst_part part = {.doc = k ? other : doc,
                                 .start = start,
                                 .end = c->len,
                                 .budget = 900,
                                 .outline_max = 300,
                                 .known = known};
        size_t stop;
        struct eng_error err = {""};
        assert_int_equal(asst_prompt_plain(c->model, &part, &p, &stop, &err), ENG_OK);
        assert_in_range(p.n_outline, 100, 300);
        assert_int_equal(p.window_start, start);
        assert_int_equal(p.length, 899 - (eng_special_token(c->model, "<|lang:java|>") < 0));
        size_t first = p.length - (stop - start) - p.n_outline;
        spell(c, &p, first, p.n_outline, got[k]);
        asst_prompt_free(&p);
    }
    assert_string_equal(got[0], got[1]);
    assert_non_null(strstr(got[0], "public final class DateMath {\n"));
    syn_document_free(other);
    syn_document_free(doc);
    free(c);
}

static int set_up(void **state)
{
    struct eng_error err = {""};
    struct eng_model *model;
    if (eng_model_open(MODEL, NULL, &model, &err) != ENG_OK) fail_msg("%s", err.text);
    *state = model;
    return 0;
}

static int tear_down(void **state)
{
    eng_model_close(*state);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        void *model = NULL;
        set_up(&model);
        check_case(model, argv[1], true);
        return tear_down(&model);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_cases_hold),
        cmocka_unit_test(without_need_there_is_none),
        cmocka_unit_test(the_rest_goes_to_the_window),
        cmocka_unit_test(plain_windows_have_outlines),
    };
    return cmocka_run_group_tests_name("outline", tests, set_up, tear_down);
}
