/* Text of other files in a prompt: where it stands, how much of it, and that all else stays.
 *
 * One token is one byte in the model's vocabulary. */
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

#define MAX_TEXT 65536

static struct eng_model *model;

static const struct asst_snippet snippets[] = {
    {"int most_important(void);\n", 26, 30}, /* shown last */
    {"struct shown_first {\n", 21, 10},
    {"    int member;\n", 16, 11},
    {"#define LEAST_IMPORTANT 1\n", 26, 20},
};
static const struct asst_extra extra = {snippets, 4};
static const char all[] = "struct shown_first {\n    int member;\n#define LEAST_IMPORTANT 1\n"
                          "int most_important(void);\n";

static struct asst_prompt_options options_of(enum asst_order order, uint32_t extra_max)
{
    return (struct asst_prompt_options){.order = order,
                                        .budget = 640,
                                        .middle_max = 64,
                                        .suffix_max = 96,
                                        .chunk = 64,
                                        .extra_max = extra_max};
}

static void build(const struct syn_document *doc, size_t at,
                  const struct asst_prompt_options *options, const struct asst_extra *more,
                  struct asst_prompt *out)
{
    struct syn_hole *hole;
    struct eng_error err = {""};
    assert_int_equal(syn_hole_open(doc, at, at, &hole, NULL), SYN_OK);
    struct asst_source source = {doc, hole, at, at, NULL, more};
    if (asst_prompt_build(model, &source, options, out, &err) != ENG_OK) fail_msg("%s", err.text);
    syn_hole_free(hole);
}

static void spell(const struct asst_prompt *p, uint32_t from, uint32_t to, char *out)
{
    for (uint32_t i = from; i < to; i++) {
        size_t len = 0;
        const char *text = eng_token_text(model, p->inputs[i].id, &len);
        if (text) memcpy(out, text, len);
        out += text ? len : 0;
    }
    *out = 0;
}

static struct syn_document *sample(size_t *line_start, size_t line)
{
    static char text[MAX_TEXT];
    size_t len = case_read(SAMPLES "/c/ring_buffer.c", text, sizeof text);
    struct syn_document *doc = case_document(gram_by_id("c"), text, len);
    *line_start = syn_line_end(doc, line);
    return doc;
}

static void check_layout(enum asst_order order, const char *special, size_t line)
{
    static char got[MAX_TEXT];
    size_t at, len;
    struct syn_document *doc = sample(&at, line);
    struct asst_prompt_options options = options_of(order, 200);
    struct asst_prompt p;
    build(doc, at, &options, &extra, &p);
    assert_int_equal(p.n_extra, strlen(all));
    spell(&p, p.extra_at, p.extra_at + p.n_extra, got);
    assert_string_equal(got, all);
    if (special) assert_int_equal(p.inputs[p.extra_at - 1].id, eng_special_token(model, special));
    for (uint32_t i = p.extra_at; i < p.extra_at + p.n_extra; i++) {
        assert_int_equal(p.inputs[i].record.segment, SYN_SEGMENT_PREFIX);
        assert_int_equal(p.inputs[i].record.depth, 0);
        for (int l = 0; l < ENG_LEVELS; l++)
            assert_int_equal(p.inputs[i].record.chain[l], -1);
    }
    /* The document's own text follows, up to the cursor, and its chains stay among it. */
    const char *text = syn_document_text(doc, &len);
    size_t own = p.heal_start - p.window_start;
    spell(&p, p.extra_at + p.n_extra, p.extra_at + p.n_extra + (uint32_t)own, got);
    assert_memory_equal(got, text + p.window_start, own);
    for (uint32_t i = p.extra_at + p.n_extra; i < p.length; i++)
        for (int l = 0; l < ENG_LEVELS; l++) {
            int32_t to = p.inputs[i].record.chain[l];
            assert_true(to < (int32_t)i);
            assert_true(to < (int32_t)p.extra_at || to >= (int32_t)(p.extra_at + p.n_extra));
        }
    assert_true(p.length + options.middle_max < options.budget);
    asst_prompt_free(&p);
    syn_document_free(doc);
}

static void it_stands_in_front_of_the_prefix(void **state)
{
    (void)state;
    check_layout(ASST_ORDER_SPM, "<|fim_middle|>", 150);
    check_layout(ASST_ORDER_SPM, "<|fim_middle|>", 4);
    check_layout(ASST_ORDER_PSM, "<|fim_prefix|>", 150);
    check_layout(ASST_ORDER_PLAIN, NULL, 150);
}

/* Whole snippets, the most important ones, in the order of showing. */
static void the_budget_is_kept(void **state)
{
    static char got[MAX_TEXT];
    (void)state;
    static const struct {
        uint32_t max;
        const char *expected;
    } cases[] = {{0, ""},
                 {20, "    int member;\n"},
                 {26, "int most_important(void);\n"},
                 {46, "    int member;\nint most_important(void);\n"},
                 {63, "struct shown_first {\n    int member;\nint most_important(void);\n"},
                 {1000, all}};
    size_t at;
    struct syn_document *doc = sample(&at, 150);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct asst_prompt_options options = options_of(ASST_ORDER_SPM, cases[i].max);
        struct asst_prompt p;
        build(doc, at, &options, &extra, &p);
        spell(&p, p.extra_at, p.extra_at + p.n_extra, got);
        assert_string_equal(got, cases[i].expected);
        asst_prompt_free(&p);
    }
    /* Never more than a third of what the suffix leaves. */
    struct asst_snippet large[8];
    static char line[64];
    memset(line, 'x', 63);
    line[63] = '\n';
    for (uint32_t i = 0; i < 8; i++)
        large[i] = (struct asst_snippet){line, 64, i};
    const struct asst_extra much = {large, 8};
    struct asst_prompt_options options = options_of(ASST_ORDER_SPM, 600);
    struct asst_prompt p;
    build(doc, at, &options, &much, &p);
    assert_true(p.n_extra > 64 && p.n_extra <= (640 - 64 - 5 - 96) / 3);
    assert_int_equal(p.n_extra % 64, 0);
    asst_prompt_free(&p);
    syn_document_free(doc);
}

/* No text of other files: the prompt is the one without them, token for token. */
static void nothing_changes_without_it(void **state)
{
    (void)state;
    const struct asst_extra none = {snippets, 0};
    const struct asst_prompt_options with = options_of(ASST_ORDER_SPM, 200),
                                     without = options_of(ASST_ORDER_SPM, 0);
    size_t at;
    struct syn_document *doc = sample(&at, 150);
    struct asst_prompt a, b, c;
    build(doc, at, &with, NULL, &a);
    build(doc, at, &with, &none, &b);
    build(doc, at, &without, &extra, &c);
    assert_int_equal(a.length, b.length);
    assert_int_equal(a.length, c.length);
    assert_memory_equal(a.inputs, b.inputs, a.length * sizeof *a.inputs);
    assert_memory_equal(a.inputs, c.inputs, a.length * sizeof *a.inputs);
    asst_prompt_free(&a);
    asst_prompt_free(&b);
    asst_prompt_free(&c);
    syn_document_free(doc);
}

/* Typing only extends the end while the window stays. (Records of the suffix follow the tree, with
 * text of other files or without; other tests are about these.) */
static void typing_keeps_the_start(void **state)
{
    (void)state;
    static const char typed[] = "    return ring->capacity - ring_used(ring);";
    size_t at;
    struct syn_document *doc = sample(&at, 150);
    const struct asst_prompt_options options = options_of(ASST_ORDER_SPM, 200);
    struct asst_prompt before = {0};
    uint64_t tokens = 0, kept = 0;
    assert_int_equal(syn_document_edit(doc, at, at, "\n", 1, NULL), SYN_OK);
    at++;
    for (size_t i = 0; i + 1 < sizeof typed; i++) {
        struct asst_prompt p;
        assert_int_equal(syn_document_edit(doc, at, at, typed + i, 1, NULL), SYN_OK);
        assert_int_equal(syn_document_parse(doc, 0, NULL), SYN_OK);
        at++;
        build(doc, at, &options, &extra, &p);
        uint32_t same = 0;
        while (same < p.length && same < before.length &&
               p.inputs[same].id == before.inputs[same].id)
            same++;
        if (i > 0) tokens += p.length;
        if (i > 0) kept += same;
        asst_prompt_free(&before);
        before = p;
    }
    asst_prompt_free(&before);
    syn_document_free(doc);
    assert_true(10 * kept >= 9 * tokens);
}

static int open_model(void **state)
{
    (void)state;
    struct eng_error err = {""};
    if (eng_model_open(MODEL, NULL, &model, &err) == ENG_OK) return 0;
    fprintf(stderr, "%s\n", err.text);
    return -1;
}

static int close_model(void **state)
{
    (void)state;
    eng_model_close(model);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stands_in_front_of_the_prefix),
        cmocka_unit_test(the_budget_is_kept),
        cmocka_unit_test(nothing_changes_without_it),
        cmocka_unit_test(typing_keeps_the_start),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
