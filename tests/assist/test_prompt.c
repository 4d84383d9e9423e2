/* Prompts: layout, windows, features in positions, and the token cache. The model is tiny
 * and random; only its vocabulary matters here. */
#include "grammars/grammars.h"
#include "lsp/assist/prompt.h"
#include "lsp/assist/tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct eng_model *model;
    char *text; /* a long C file */
    size_t len;
};

static const struct asst_prompt_options small = {
    .order = ASST_ORDER_SPM, .budget = 400, .middle_max = 32, .suffix_max = 60, .chunk = 32};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct eng_error err = {""};
    if (eng_model_open(MODEL, NULL, &f->model, &err) != ENG_OK) fail_msg("%s", err.text);
    f->text = malloc(65536);
    for (int i = 0; i < 80; i++)
        f->len += (size_t)sprintf(f->text + f->len,
                                  "int f%d(int a, int b)\n{\n    int sum = a + b;\n"
                                  "    if (sum > %d)\n        return g(a, b);\n"
                                  "    return sum;\n}\n\n",
                                  i, i);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    eng_model_close(f->model);
    free(f->text);
    free(f);
    return 0;
}

static struct syn_document *open_text(const char *lang, const char *text, size_t len)
{
    struct syn_document *doc;
    assert_int_equal(syn_document_new(lang ? gram_by_id(lang) : NULL, text, len, &doc, NULL),
                     SYN_OK);
    assert_int_equal(syn_document_parse(doc, 0, NULL), SYN_OK);
    return doc;
}

static void build_at(const struct fixture *f, const struct syn_document *doc, size_t at,
                     const struct asst_prompt_options *options, struct asst_tokens *tokens,
                     struct asst_prompt *out)
{
    struct syn_hole *hole = NULL;
    struct eng_error err = {""};
    if (syn_document_language(doc))
        assert_int_equal(syn_hole_open(doc, at, at, &hole, NULL), SYN_OK);
    struct asst_source source = {doc, hole, at, at, tokens, NULL};
    if (asst_prompt_build(f->model, &source, options, out, &err) != ENG_OK)
        fail_msg("%s", err.text);
    syn_hole_free(hole);
}

/* Text of inputs [from, to), special tokens as their ids in angle brackets. */
static void spell(const struct fixture *f, const struct asst_prompt *p, char *out)
{
    for (uint32_t i = 0; i < p->length; i++) {
        size_t len;
        const char *text = eng_token_text(f->model, p->inputs[i].id, &len);
        if (text)
            out += sprintf(out, "%.*s", (int)len, text);
        else if (p->inputs[i].id == eng_special_token(f->model, "<|fim_suffix|>"))
            out += sprintf(out, "<S>");
        else if (p->inputs[i].id == eng_special_token(f->model, "<|fim_middle|>"))
            out += sprintf(out, "<M>");
        else
            out += sprintf(out, "<P>");
    }
}

static size_t find_id(const struct fixture *f, const struct asst_prompt *p, const char *name)
{
    int32_t id = eng_special_token(f->model, name);
    for (uint32_t i = 0; i < p->length; i++)
        if (p->inputs[i].id == id) return i;
    fail_msg("no %s", name);
    return 0;
}

static void layouts(void **state)
{
    struct fixture *f = *state;
    const char *text = "x = [1, 2]\ny = fo)\nz = 3\n";
    struct syn_document *doc = open_text("python", text, strlen(text));
    size_t at = strlen("x = [1, 2]\ny = fo");
    struct asst_prompt_options options = small;
    struct asst_prompt p;
    char spelt[2048];
    options.suffix_max = 4;
    build_at(f, doc, at, &options, NULL, &p);
    spell(f, &p, spelt);
    assert_string_equal(spelt, "<S>)\nz <M>x = [1, 2]\ny =");
    assert_int_equal(p.heal_start, at - 3); /* " fo" is to be written again */
    assert_int_equal(p.inputs[find_id(f, &p, "<|fim_middle|>")].record.segment, SYN_SEGMENT_PREFIX);
    asst_prompt_free(&p);

    options.order = ASST_ORDER_PSM;
    build_at(f, doc, at, &options, NULL, &p);
    spell(f, &p, spelt);
    assert_string_equal(spelt, "<P>x = [1, 2]\ny =<S>)\nz <M>");
    assert_int_equal(p.inputs[find_id(f, &p, "<|fim_middle|>")].record.segment, SYN_SEGMENT_MIDDLE);
    asst_prompt_free(&p);

    options.order = ASST_ORDER_PLAIN;
    build_at(f, doc, at, &options, NULL, &p);
    spell(f, &p, spelt);
    assert_string_equal(spelt, "x = [1, 2]\ny =");
    asst_prompt_free(&p);
    syn_document_free(doc);
}

/* What the engine demands of records, and what the layout promises. */
static void check_records(const struct asst_prompt *p)
{
    for (uint32_t i = 0; i < p->length; i++) {
        const struct eng_record *r = &p->inputs[i].record;
        for (int l = 0; l < ENG_LEVELS; l++) {
            int32_t at = r->chain[l];
            assert_true(at >= -1 && at < (int32_t)i);
            if (at < 0) continue;
            bool here = r->segment == SYN_SEGMENT_SUFFIX, there;
            there = p->inputs[at].record.segment == SYN_SEGMENT_SUFFIX;
            assert_true(here == there);
        }
    }
}

static void chains_point_to_the_same_tokens(void **state)
{
    struct fixture *f = *state;
    const char *text = "int f(int a)\n{\n    return g(a, b);\n}\n";
    struct syn_document *doc = open_text("c", text, strlen(text));
    size_t at = (size_t)(strstr(text, "b)") - text);
    struct asst_prompt p;
    build_at(f, doc, at, &small, NULL, &p);
    check_records(&p);
    /* The comma lies in the arguments, which start at the bracket. */
    char spelt[2048];
    spell(f, &p, spelt);
    size_t comma = p.length - 1, bracket = comma - 2;
    assert_int_equal(p.inputs[comma].record.kind, GRAM_KIND_ARGUMENTS);
    assert_int_equal(p.inputs[comma].record.chain[0], (int32_t)bracket);
    asst_prompt_free(&p);
    syn_document_free(doc);
}

static void windows_start_at_chunks(void **state)
{
    struct fixture *f = *state;
    struct syn_document *doc = open_text("c", f->text, f->len);
    struct asst_prompt p;
    for (size_t line = 10; line < 600; line += 37) {
        size_t at = syn_line_end(doc, line);
        build_at(f, doc, at, &small, NULL, &p);
        check_records(&p);
        assert_true(p.length + small.middle_max < small.budget);
        /* One token is one byte in this vocabulary. */
        size_t middle = find_id(f, &p, "<|fim_middle|>"), n_prefix = p.length - middle - 1;
        size_t start = p.heal_start - n_prefix;
        assert_int_equal(start % small.chunk, 0);
        assert_true(start == 0 || n_prefix + small.chunk > 250);
        asst_prompt_free(&p);
    }
    syn_document_free(doc);
}

/* Typing a line keeps everything in front of it: the cache of a session stays good. */
static void typing_extends_the_end(void **state)
{
    struct fixture *f = *state;
    struct syn_document *doc = open_text("c", f->text, f->len);
    struct asst_tokens *tokens;
    struct asst_prompt before = {0}, p;
    assert_int_equal(asst_tokens_new(f->model, &tokens, NULL), ENG_OK);
    size_t at = syn_line_end(doc, 402), moved = 0;
    const char *typed = "\n    int total = sum * 2;";
    for (size_t i = 0; typed[i]; i++, at++) {
        assert_int_equal(syn_document_edit(doc, at, at, typed + i, 1, NULL), SYN_OK);
        assert_int_equal(syn_document_parse(doc, 0, NULL), SYN_OK);
        size_t work = asst_tokens_work(tokens);
        build_at(f, doc, at + 1, &small, tokens, &p);
        if (i > 1) assert_in_range(asst_tokens_work(tokens) - work, 0, 1);
        uint32_t same = 0;
        while (same < p.length && same < before.length &&
               p.inputs[same].id == before.inputs[same].id)
            same++;
        moved += i > 1 && same + 8 < before.length;
        asst_prompt_free(&before);
        before = p;
    }
    assert_in_range(moved, 0, 1); /* the window moves once in `chunk` tokens */
    asst_prompt_free(&before);
    asst_tokens_free(tokens);
    syn_document_free(doc);
}

static void cache_equals_fresh(void **state)
{
    struct fixture *f = *state;
    struct syn_document *doc = open_text(NULL, f->text, f->len);
    struct asst_tokens *tokens;
    assert_int_equal(asst_tokens_new(f->model, &tokens, NULL), ENG_OK);
    uint64_t random = 5;
    static const char *const bits[] = {"x", "\n", "\r", "\r\n", " y = 1;", "{\n", "", "\xC3\xA9"};
    for (int round = 0; round < 200; round++) {
        size_t len;
        syn_document_text(doc, &len);
        random = random * 6364136223846793005u + 1442695040888963407u;
        size_t start = (size_t)(random >> 33) % len, end = start + (random >> 20) % 30;
        if (end > len) end = len;
        const char *insert = bits[(random >> 12) % 8];
        if (syn_document_edit(doc, start, end, insert, strlen(insert), NULL) != SYN_OK) continue;
        assert_int_equal(syn_document_parse(doc, 0, NULL), SYN_OK);
        struct asst_prompt cached, fresh;
        size_t at = start + strlen(insert);
        build_at(f, doc, at, &small, tokens, &cached);
        build_at(f, doc, at, &small, NULL, &fresh);
        assert_int_equal(cached.length, fresh.length);
        assert_memory_equal(cached.inputs, fresh.inputs, fresh.length * sizeof *fresh.inputs);
        asst_prompt_free(&cached);
        asst_prompt_free(&fresh);
    }
    asst_tokens_free(tokens);
    syn_document_free(doc);
}

static void known_middles_are_healed(void **state)
{
    struct fixture *f = *state;
    const char *text = "x = fo\n";
    struct syn_document *doc = open_text("python", text, strlen(text));
    struct asst_prompt p;
    struct eng_error err = {""};
    char spelt[1024];
    build_at(f, doc, 6, &small, NULL, &p);
    assert_int_equal(asst_prompt_append_text(&p, f->model, doc, "o(1)", 4, &err), ENG_OK);
    assert_int_equal(asst_prompt_append(&p, f->model, eng_special_token(f->model, "<|end|>"), &err),
                     ENG_OK);
    spell(f, &p, spelt);
    assert_string_equal(spelt, "<S>\n<M>x = foo(1)<P>");
    check_records(&p);
    size_t middle = find_id(f, &p, "<|fim_middle|>");
    assert_int_equal(p.inputs[middle + 3].record.segment, SYN_SEGMENT_PREFIX);
    assert_int_equal(p.inputs[middle + 4].record.segment, SYN_SEGMENT_MIDDLE);
    asst_prompt_free(&p);
    syn_document_free(doc);
}

static void a_full_sequence_refuses_more(void **state)
{
    struct fixture *f = *state;
    struct syn_document *doc = open_text(NULL, "abc", 3);
    struct asst_prompt_options options = {
        .order = ASST_ORDER_SPM, .budget = 12, .middle_max = 4, .suffix_max = 2, .chunk = 4};
    struct asst_prompt p;
    struct eng_error err = {""};
    build_at(f, doc, 3, &options, NULL, &p);
    assert_false(p.has_tree);
    enum eng_status status = ENG_OK;
    for (int i = 0; i < 12 && status == ENG_OK; i++)
        status = asst_prompt_append(&p, f->model, 'a' + 6, &err);
    assert_int_equal(status, ENG_BAD_INPUT);
    assert_int_equal(p.length, 12);
    assert_string_equal(err.text, "the sequence has reached its 12 tokens");
    asst_prompt_free(&p);
    options.budget = 9;
    struct asst_source source = {doc, NULL, 3, 3, NULL, NULL};
    assert_int_equal(asst_prompt_build(f->model, &source, &options, &p, &err), ENG_BAD_INPUT);
    assert_string_equal(err.text, "a budget of 9 tokens leaves no room beside a middle of 4");
    source.hole_end = 4;
    assert_int_equal(asst_prompt_build(f->model, &source, &small, &p, &err), ENG_BAD_INPUT);
    assert_string_equal(err.text, "hole 3..4 outside a text of 3 bytes");
    syn_document_free(doc);
}

static void plain_windows_tile_the_file(void **state)
{
    struct fixture *f = *state;
    struct syn_document *doc = open_text("c", f->text, f->len);
    struct eng_error err = {""};
    size_t start = 0;
    while (start < f->len) {
        struct asst_prompt p;
        size_t stop;
        struct asst_part part = {.doc = doc, .start = start, .end = f->len, .budget = 300};
        assert_int_equal(asst_prompt_plain(f->model, &part, &p, &stop, &err), ENG_OK);
        assert_true(stop > start);
        assert_true(p.length <= 300);
        check_records(&p);
        bool ended = p.inputs[p.length - 1].id == eng_special_token(f->model, "<|end|>");
        assert_true(ended == (stop == f->len));
        asst_prompt_free(&p);
        start = stop;
    }
    syn_document_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts),
        cmocka_unit_test(chains_point_to_the_same_tokens),
        cmocka_unit_test(windows_start_at_chunks),
        cmocka_unit_test(typing_extends_the_end),
        cmocka_unit_test(cache_equals_fresh),
        cmocka_unit_test(known_middles_are_healed),
        cmocka_unit_test(a_full_sequence_refuses_more),
        cmocka_unit_test(plain_windows_tile_the_file),
    };
    return cmocka_run_group_tests_name("prompt", tests, set_up, tear_down);
}
