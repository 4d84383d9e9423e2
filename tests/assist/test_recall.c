/* What a document repeats: look-ups against plain counting, reading a document, and what the
 * mixture makes of a model's logits. One token is one byte in the model's vocabulary. */
#include "grammars/grammars.h"
#include "lsp/assist/complete.h"
#include "tests/syntax/case_files.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TOKENS = 400, LETTERS = 4, FIRST = 20 };

static uint32_t draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

/* The definition of recall.h, without an index: p[i] of token FIRST + i, and what is open. */
static float count_plainly(const int32_t *ids, size_t n, float p[LETTERS], uint32_t *length)
{
    float open = 1;
    *length = 0;
    memset(p, 0, LETTERS * sizeof *p);
    for (size_t m = ASST_RECALL_MATCH; m > 0; m--) {
        uint32_t counts[LETTERS] = {0}, seen = 0, different = 0;
        for (size_t at = m; at < n; at++) { /* a follower whose m tokens in front are the last */
            if (memcmp(ids + at - m, ids + n - m, m * sizeof *ids) != 0) continue;
            different += counts[ids[at] - FIRST]++ == 0;
            seen++;
        }
        if (n < m || seen == 0) continue;
        if (*length == 0) *length = (uint32_t)m;
        for (int i = 0; i < LETTERS; i++)
            p[i] += open * (float)counts[i] / (float)(seen + different);
        open *= (float)different / (float)(seen + different);
    }
    return open;
}

static void check_guesses(const struct asst_recall *recall, const int32_t *ids, size_t n)
{
    struct asst_guesses g;
    float p[LETTERS];
    uint32_t length;
    float open = count_plainly(ids, n, p, &length), sum = 0;
    asst_recall_next(recall, -1, &g);
    assert_int_equal(g.length, length);
    assert_float_equal(g.open, open, 1e-6);
    for (uint32_t i = 0; i < g.count; i++) {
        assert_float_equal(g.p[i], p[g.id[i] - FIRST], 1e-6);
        sum += g.p[i];
    }
    assert_float_equal(sum + g.open, 1, 1e-5);
}

static void look_ups_are_plain_counts(void **state)
{
    struct asst_recall *recall;
    int32_t ids[TOKENS];
    uint64_t seed = 7;
    assert_int_equal(asst_recall_new(*state, TOKENS, &recall, NULL), ENG_OK);
    for (size_t n = 0; n < TOKENS; n++) {
        /* Runs of repeats, so that long matches happen. */
        ids[n] = n > 40 && draw(&seed) % 4 ? ids[n - 40] : FIRST + (int32_t)(draw(&seed) % LETTERS);
        asst_recall_push(recall, ids[n]);
        check_guesses(recall, ids, n + 1);
    }
    for (size_t n = TOKENS; n > 100;) {
        n -= draw(&seed) % 20;
        asst_recall_rewind(recall, n);
        assert_int_equal(asst_recall_length(recall), n);
        check_guesses(recall, ids, n);
    }
    asst_recall_free(recall);
}

static void nothing_known_nothing_guessed(void **state)
{
    struct asst_recall *recall;
    struct asst_guesses g;
    assert_int_equal(asst_recall_new(*state, 2, &recall, NULL), ENG_OK);
    asst_recall_next(recall, -1, &g);
    assert_int_equal(g.count, 0);
    assert_float_equal(g.open, 1, 0);
    asst_recall_push(recall, 5);
    asst_recall_next(recall, -1, &g);
    assert_int_equal(g.count, 0);
    /* What goes beyond its memory is ignored. */
    for (int i = 0; i < ASST_RECALL_BEFORE + ASST_RECALL_BEHIND + 10; i++)
        asst_recall_push(recall, 6);
    assert_int_equal(asst_recall_length(recall), ASST_RECALL_BEFORE + ASST_RECALL_BEHIND + 3);
    asst_recall_free(recall);
}

/* The likeliest guess at a place of a text, as a character; 0 for none. */
static char guess_at(const struct eng_model *model, const char *text, const char *behind, bool line)
{
    struct asst_recall *recall;
    struct asst_guesses g;
    size_t at = strlen(text), len;
    char *whole = malloc(at + strlen(behind) + 1);
    assert_non_null(whole);
    memcpy(whole, text, at);
    strcpy(whole + at, behind);
    struct syn_document *doc = case_document(gram_by_id("python"), whole, strlen(whole));
    struct asst_source source = {.doc = doc, .hole_start = at, .hole_end = at};
    assert_int_equal(asst_recall_new(model, 16, &recall, NULL), ENG_OK);
    assert_int_equal(asst_recall_read(recall, &source, at, NULL), ENG_OK);
    int32_t end = eng_end_token(model);
    asst_recall_next(recall, line ? end : -1, &g);
    uint32_t best = 0;
    for (uint32_t i = 1; i < g.count; i++)
        if (g.p[i] > g.p[best]) best = i;
    char out = 0;
    if (g.count > 0) {
        const char *bytes = eng_token_text(model, g.id[best], &len);
        out = g.id[best] == end ? '$' : bytes[0];
    }
    asst_recall_free(recall);
    syn_document_free(doc);
    free(whole);
    return out;
}

static void documents_are_read_on_both_sides(void **state)
{
    assert_int_equal(guess_at(*state, "abcX\nabc", "\n", false), 'X');             /* in front */
    assert_int_equal(guess_at(*state, "abc", "\nabcY\n", false), 'Y');             /* behind */
    assert_int_equal(guess_at(*state, "abcX\nabc", "\nqbcY\nrbcY\n", false), 'X'); /* the longer */
    assert_int_equal(guess_at(*state, "abc", "", false), 0);
    /* The text behind does not go on with the text in front. */
    assert_int_equal(guess_at(*state, "qwe", "zzz", false), 0);
    assert_int_equal(guess_at(*state, "ab\r\nxb", "\n", false), '\r');
    assert_int_equal(guess_at(*state, "ab\r\nxb", "\n", true), '$'); /* a line's end is an end */
}

/* Of a line that is longer than its memory, a recall knows what is next to the hole. */
static void long_lines_are_known_by_the_hole(void **state)
{
    enum { LONG = 150000 };
    char *filler = malloc(LONG + 16);
    assert_non_null(filler);
    memset(filler, 'q', LONG);
    memcpy(filler, "abcX", 4);
    strcpy(filler + LONG, "abcYabc");
    assert_int_equal(guess_at(*state, filler, "\n", false), 'Y');
    strcpy(filler + LONG, "qqabc");
    assert_int_equal(guess_at(*state, filler, "\n", false), 0);
    memset(filler, 'q', LONG + 5);
    memcpy(filler, "abcZ", 4);
    assert_int_equal(guess_at(*state, "abc", filler, false), 'Z');
    memcpy(filler, "qqqq", 4);
    memcpy(filler + LONG, "abcZ", 4);
    assert_int_equal(guess_at(*state, "abc", filler, false), 0);
    free(filler);
}

static void mixtures_are_as_stated(void **state)
{
    (void)state;
    float logits[5] = {0.5f, -1, 2, 0, 1}, before[5];
    const float weights[ASST_RECALL_FEATURES] = {-0.5f, 0.25f, 0.1f, 0.2f, -0.3f, 0.15f};
    struct asst_guesses g = {.id = {1, 3, 9},
                             .p = {0.5f, 0.2f, 0.1f},
                             .open = 0.2f,
                             .count = 3,
                             .length = 2,
                             .followers = 6};
    memcpy(before, logits, sizeof logits);
    double sum = 0, entropy = 0;
    for (int i = 0; i < 5; i++)
        sum += exp(before[i]);
    for (int i = 0; i < 5; i++)
        entropy -= exp(before[i]) / sum * log(exp(before[i]) / sum);
    double z = -0.5 + 0.25 * 2 + 0.1 * log(0.5 / 0.5) + 0.2 * log(7) - 0.3 * log(exp(2) / sum) +
               0.15 * entropy;
    double w = 1 / (1 + exp(-z));
    asst_recall_mix(&g, weights, logits, 5); /* a token beyond the vocabulary does no harm */
    for (int i = 0; i < 5; i++) {
        double guess = i == 1 ? 0.5 : i == 3 ? 0.2 : 0, p = exp(before[i]) / sum;
        double mixed = (1 - w) * p + w * (guess + 0.2 * p);
        assert_float_equal(exp(logits[i]) / sum, mixed, 1e-5);
    }
    memcpy(logits, before, sizeof logits);
    g.count = 0;
    asst_recall_mix(&g, weights, logits, 5);
    assert_memory_equal(logits, before, sizeof logits);
}

static char *complete(struct eng_model *model, const char *text, const float *weights, uint32_t n)
{
    struct syn_document *doc = case_document(gram_by_id("python"), text, strlen(text));
    struct asst_request request = {.doc = doc, .cursor = strlen(text), .recall = weights, .n = n};
    struct asst_job *job;
    struct asst_result result;
    struct eng_session *session;
    assert_int_equal(eng_session_new(model, 0, &session, NULL), ENG_OK);
    assert_int_equal(asst_complete_prepare(model, &request, &job, NULL), ENG_OK);
    for (int again = 0; again < 2; again++) { /* a job can run twice, to the same end */
        assert_int_equal(asst_complete_run(session, job, NULL, &result, NULL), ENG_OK);
        if (again == 0) asst_result_free(&result);
    }
    char *out = strdup(result.raw ? result.raw : "");
    asst_result_free(&result);
    asst_job_free(job);
    eng_session_free(session);
    syn_document_free(doc);
    return out;
}

enum { TEXT_BYTES = 300 };

static void random_text(uint64_t *seed, char text[TEXT_BYTES])
{
    for (int i = 0; i < TEXT_BYTES; i++)
        text[i] = i > 30 && draw(seed) % 4 ? text[i - 30] : (char)('a' + draw(seed) % LETTERS);
}

static void push_text(struct asst_recall *recall, const struct eng_model *model, const char *text,
                      size_t n)
{
    struct eng_token tokens[TEXT_BYTES + 8];
    size_t count;
    assert_int_equal(eng_tokenize(model, text, n, tokens, TEXT_BYTES + 8, &count, NULL), ENG_OK);
    for (size_t i = 0; i < count; i++)
        asst_recall_push(recall, tokens[i].id);
}

/* A shelf says what the same texts would in front of the document, with gaps between them; and what
 * a copy of the recall is asked is what the recall is asked. */
static void shelves_are_texts_in_front(void **state)
{
    char texts[3][TEXT_BYTES];
    uint64_t seed = 5;
    for (int i = 0; i < 3; i++)
        random_text(&seed, texts[i]);
    const struct asst_shelf_text near[] = {{texts[0], TEXT_BYTES}, {texts[1], TEXT_BYTES}};
    struct asst_shelf *shelf;
    assert_int_equal(asst_shelf_new(*state, near, 2, &shelf, NULL), ENG_OK);
    assert_int_equal(asst_shelf_length(shelf), 2 * (TEXT_BYTES + 1));
    for (size_t n = 1; n < TEXT_BYTES; n += 7) {
        struct asst_recall *plain, *with, *copy;
        struct asst_guesses a, b;
        int32_t drafts[2][8];
        assert_int_equal(asst_recall_new(*state, 3 * TEXT_BYTES, &plain, NULL), ENG_OK);
        assert_int_equal(asst_recall_new(*state, TEXT_BYTES, &with, NULL), ENG_OK);
        for (int i = 1; i >= 0; i--) {
            push_text(plain, *state, texts[i], TEXT_BYTES);
            asst_recall_gap(plain);
        }
        push_text(plain, *state, texts[2], n);
        push_text(with, *state, texts[2], n);
        asst_recall_look_at(with, shelf);
        assert_int_equal(asst_recall_copy(with, &copy, NULL), ENG_OK);
        asst_recall_next(plain, -1, &a);
        asst_recall_next(copy, -1, &b);
        assert_int_equal(a.count, b.count);
        assert_int_equal(a.length, b.length);
        assert_int_equal(a.followers, b.followers);
        assert_memory_equal(a.id, b.id, a.count * sizeof *a.id);
        assert_memory_equal(a.p, b.p, a.count * sizeof *a.p);
        size_t drafted = asst_recall_draft(plain, 2, 8, false, drafts[0]);
        assert_int_equal(asst_recall_draft(with, 2, 8, false, drafts[1]), drafted);
        assert_memory_equal(drafts[0], drafts[1], drafted * sizeof drafts[0][0]);
        asst_recall_free(plain);
        asst_recall_free(with);
        asst_recall_free(copy);
    }
    asst_shelf_release(shelf);
}

/* The first text's tokens come first, a text's end before its beginning, and no more than fit. */
static void shelves_keep_what_matters(void **state)
{
    static char large[ASST_SHELF_TOKENS + 100];
    memset(large, 'x', sizeof large);
    memcpy(large, "begin", 5);
    const struct asst_shelf_text texts[] = {{"first!", 6}, {"", 0}, {large, sizeof large}};
    struct asst_shelf *shelf, *held;
    struct asst_recall *recall;
    struct asst_guesses g;
    assert_int_equal(asst_shelf_new(*state, texts, 3, &shelf, NULL), ENG_OK);
    assert_int_equal(asst_shelf_length(shelf), ASST_SHELF_TOKENS);
    held = asst_shelf_hold(shelf);
    asst_shelf_release(shelf);
    assert_int_equal(asst_recall_new(*state, 16, &recall, NULL), ENG_OK);
    asst_recall_look_at(recall, held);
    push_text(recall, *state, "irst", 4);
    asst_recall_next(recall, -1, &g);
    assert_int_equal(g.length, 4);
    push_text(recall, *state, "beg", 3); /* of the beginning that found no room */
    asst_recall_next(recall, -1, &g);
    assert_int_equal(g.count, 0);
    asst_recall_free(recall);
    asst_shelf_release(held);
    assert_null(asst_shelf_hold(NULL));
    asst_shelf_release(NULL);
}

/* Drafts change how often the model is asked, and nothing else. */
static void drafts_change_nothing(void **state)
{
    const float always[ASST_RECALL_FEATURES] = {30};
    static const char text[] = "level = compute(alpha, beta)\n"
                               "other = compute(alpha, gamma)\n"
                               "if level:\n    level = compute(alpha, beta)\n";
    struct eng_session *session;
    uint32_t saved = 0;
    assert_int_equal(eng_session_new(*state, 0, &session, NULL), ENG_OK);
    for (size_t at = 4; at < sizeof text; at += 3) {
        struct syn_document *doc = case_document(gram_by_id("python"), text, sizeof text - 1);
        struct asst_result result[2];
        for (int i = 0; i < 2; i++) {
            struct asst_job *job;
            struct asst_request request = {.doc = doc,
                                           .cursor = at,
                                           .recall = at % 2 ? always : NULL,
                                           .n = at % 4 ? 1 : 3,
                                           .scope = at % 5 ? ASST_SCOPE_LINE : ASST_SCOPE_TEXT,
                                           .temperature = at % 7 ? 0 : 0.7f,
                                           .seed = at,
                                           .no_draft = i > 0};
            assert_int_equal(asst_complete_prepare(*state, &request, &job, NULL), ENG_OK);
            assert_int_equal(asst_complete_run(session, job, NULL, &result[i], NULL), ENG_OK);
            asst_job_free(job);
        }
        assert_int_equal(result[0].raw_len, result[1].raw_len);
        if (result[0].raw_len > 0)
            assert_memory_equal(result[0].raw, result[1].raw, result[0].raw_len);
        assert_int_equal(result[0].count, result[1].count);
        for (size_t k = 0; k < result[0].count; k++) {
            assert_string_equal(result[0].items[k].text, result[1].items[k].text);
            assert_float_equal(result[0].items[k].confidence, result[1].items[k].confidence, 0);
        }
        assert_int_equal(result[0].timings.generated_tokens, result[1].timings.generated_tokens);
        assert_true(result[0].timings.passes <= result[1].timings.passes);
        saved += result[1].timings.passes - result[0].timings.passes;
        asst_result_free(&result[0]);
        asst_result_free(&result[1]);
        syn_document_free(doc);
    }
    assert_true(saved > 50);
    eng_session_free(session);
}

/* Alternatives are written side by side; the first is what is written alone. */
static void alternatives_leave_each_other_alone(void **state)
{
    const float always[ASST_RECALL_FEATURES] = {30};
    static const char *const texts[] = {"level = compute(alpha, beta)\nlevel = ", "def f(a):\n    ",
                                        "x = comp"};
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++)
        for (int mixed = 0; mixed < 2; mixed++) {
            char *one = complete(*state, texts[t], mixed ? always : NULL, 1);
            for (uint32_t n = 2; n <= ASST_MAX_ITEMS; n += 7) {
                char *first = complete(*state, texts[t], mixed ? always : NULL, n);
                assert_string_equal(first, one);
                free(first);
            }
            free(one);
        }
}

static void what_is_recalled_is_written(void **state)
{
    static const char text[] = "level = compute(alpha, beta)\nlevel = ";
    const float always[ASST_RECALL_FEATURES] = {30}, never[ASST_RECALL_FEATURES] = {-200};
    char *with = complete(*state, text, always, 2), *without = complete(*state, text, NULL, 2);
    char *off = complete(*state, text, never, 2);
    assert_string_equal(with, "compute(alpha, beta)");
    assert_string_not_equal(without, with);
    assert_string_equal(off, without);
    free(with);
    free(without);
    free(off);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(look_ups_are_plain_counts),
        cmocka_unit_test(nothing_known_nothing_guessed),
        cmocka_unit_test(documents_are_read_on_both_sides),
        cmocka_unit_test(long_lines_are_known_by_the_hole),
        cmocka_unit_test(mixtures_are_as_stated),
        cmocka_unit_test(what_is_recalled_is_written),
        cmocka_unit_test(shelves_are_texts_in_front),
        cmocka_unit_test(shelves_keep_what_matters),
        cmocka_unit_test(drafts_change_nothing),
        cmocka_unit_test(alternatives_leave_each_other_alone),
    };
    return cmocka_run_group_tests_name("recall", tests, set_up, tear_down);
}
