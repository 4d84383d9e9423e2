/* test_tokenizer.c: the tokenizer against other implementations, and its own promises.
 *
 * Each folder of data/tokenizer is a vocabulary, with texts and the ids that a reference
 * implementation gives them (make_vectors.py). */
#include "engine/engine.h"
#include "tests/engine/files.h"
#include "tests/engine/opened.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VOCABULARIES ENGINE_DATA "/tokenizer/"
#define MAX_TOKENS   65536

static const char *const folders[] = {"espalier", "gpt2", "llama", "llama3", "qwen2", "starcoder"};
#define FOLDERS (sizeof folders / sizeof *folders)

static struct eng_model *open_vocabulary(const char *name)
{
    char path[1024];
    const struct eng_model_options options = {.vocab_only = true};
    snprintf(path, sizeof path, "%s%s/vocab.gguf", VOCABULARIES, name);
    return open_model(path, &options);
}

/* Tokens with spans that tile the text and bytes that are the text's. by_score vocabularies
 * put a space in front: the first token may have one byte more than its span. */
static size_t encode_checked(const struct eng_model *model, bool by_score, const char *text,
                             size_t len, struct eng_token *tokens)
{
    size_t count, at = 0;
    struct eng_error err = {""};
    if (eng_tokenize(model, text, len, tokens, MAX_TOKENS, &count, &err) != ENG_OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < count; i++) {
        size_t piece_len;
        const char *piece = eng_token_text(model, tokens[i].id, &piece_len);
        assert_int_equal(tokens[i].start, at);
        at = tokens[i].end;
        assert_non_null(piece);
        if (by_score && i == 0) piece++, piece_len--;
        assert_int_equal(at - tokens[i].start, piece_len);
        assert_memory_equal(piece, text + tokens[i].start, piece_len);
    }
    assert_int_equal(at, len);
    return count;
}

/* ---- Against references ------------------------------------------------------------ */

struct folder {
    const struct eng_model *model;
    bool by_score;
};

static void check_vector(const char *stem, void *user)
{
    const struct folder *folder = user;
    char path[1100];
    size_t len, ids_len, i = 0;
    snprintf(path, sizeof path, "%s.txt", stem);
    char *text = read_whole(path, &len);
    snprintf(path, sizeof path, "%s.ids", stem);
    char *ids = read_whole(path, &ids_len), *at = ids, *next;
    struct eng_token *tokens = malloc(MAX_TOKENS * sizeof *tokens);
    assert_non_null(tokens);
    size_t count = encode_checked(folder->model, folder->by_score, text, len, tokens);
    for (long id = strtol(at, &next, 10); next != at; id = strtol(at, &next, 10), i++) {
        if (i >= count || tokens[i].id != id)
            fail_msg("%s: token %zu is %d, the reference has %ld", stem, i,
                     i < count ? tokens[i].id : -1, id);
        at = next;
    }
    if (i != count) fail_msg("%s: %zu tokens, the reference has %zu", stem, count, i);
    free(tokens);
    free(ids);
    free(text);
}

static void test_references(void **state)
{
    (void)state;
    for (size_t i = 0; i < FOLDERS; i++) {
        char path[1024];
        struct eng_model *model = open_vocabulary(folders[i]);
        struct folder folder = {model, strcmp(folders[i], "llama") == 0};
        snprintf(path, sizeof path, "%s%s", VOCABULARIES, folders[i]);
        assert_true(for_each_file(path, ".txt", check_vector, &folder) >= 10);
        eng_model_close(model);
    }
}

/* ---- Promises ---------------------------------------------------------------------- */

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Bytes that are no UTF-8, in lengths around the switch to the heap and far beyond. */
static void test_any_bytes_tile(void **state)
{
    static const char often[] = "  \t\n\raeint_(){}=+-.\"'019";
    (void)state;
    uint64_t seed = 11;
    char *text = malloc(40000);
    struct eng_token *tokens = malloc(MAX_TOKENS * sizeof *tokens);
    assert_true(text && tokens);
    for (size_t f = 0; f < FOLDERS; f++) {
        struct eng_model *model = open_vocabulary(folders[f]);
        for (int round = 0; round < 300; round++) {
            size_t len = next_random(&seed) % (round % 50 == 0 ? 40000 : 80);
            uint32_t one_of = 1 + next_random(&seed) % 4;
            for (size_t i = 0; i < len; i++)
                text[i] = next_random(&seed) % 4 < one_of
                              ? often[next_random(&seed) % (sizeof often - 1)]
                              : (char)next_random(&seed);
            encode_checked(model, strcmp(folders[f], "llama") == 0, text, len, tokens);
        }
        eng_model_close(model);
    }
    free(tokens);
    free(text);
}

static void test_capacity(void **state)
{
    (void)state;
    static const char text[] = "int main(void) { return 0; }";
    struct eng_model *model = open_vocabulary("espalier");
    struct eng_token all[64], few[3];
    size_t needed, count;
    struct eng_error err = {""};
    assert_int_equal(eng_tokenize(model, text, strlen(text), all, 64, &needed, &err), ENG_OK);
    assert_true(needed > 3);
    assert_int_equal(eng_tokenize(model, text, strlen(text), few, 3, &count, &err), ENG_BAD_INPUT);
    assert_int_equal(count, needed);
    assert_memory_equal(few, all, sizeof few);
    assert_non_null(strstr(err.text, "room for 3"));
    assert_int_equal(eng_tokenize(model, text, strlen(text), NULL, 0, &count, NULL), ENG_BAD_INPUT);
    assert_int_equal(count, needed);
    assert_int_equal(eng_tokenize(model, text, 0, NULL, 0, &count, &err), ENG_OK);
    assert_int_equal(count, 0);
    eng_model_close(model);
}

/* Lines may be tokenised apart: nothing merges across a newline. */
static void test_lines_stand_alone(void **state)
{
    (void)state;
    size_t len;
    struct eng_model *model = open_vocabulary("espalier");
    char *text = read_whole(VOCABULARIES "espalier/random.txt", &len);
    struct eng_token *all = malloc(MAX_TOKENS * sizeof *all),
                     *line = malloc(MAX_TOKENS * sizeof *line);
    assert_true(all && line);
    size_t total = encode_checked(model, false, text, len, all), seen = 0;
    for (size_t start = 0, end; start < len; start = end) {
        for (end = start; end < len && text[end] != '\n';)
            end++;
        end += end < len;
        size_t n = encode_checked(model, false, text + start, end - start, line);
        assert_true(seen + n <= total);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(line[i].id, all[seen + i].id);
        seen += n;
    }
    assert_int_equal(seen, total);
    free(all);
    free(line);
    free(text);
    eng_model_close(model);
}

static void test_special_tokens(void **state)
{
    (void)state;
    struct eng_model *model = open_vocabulary("espalier");
    struct eng_token tokens[64];
    size_t len;
    assert_int_equal(eng_special_token(model, "<|end|>"), 0);
    assert_int_equal(eng_end_token(model), 0);
    assert_int_equal(eng_special_token(model, "<|fim_middle|>"), 4);
    assert_int_equal(eng_special_token(model, "<|lang:c|>"), 6);
    assert_int_equal(eng_special_token(model, "<|lang:haskell|>"), 22);
    assert_int_equal(eng_special_token(model, "<|nothing|>"), -1);
    assert_int_equal(eng_special_token(model, "int"), -1);
    assert_null(eng_token_text(model, 0, &len));
    assert_null(eng_token_text(model, -1, &len));
    assert_null(eng_token_text(model, (int32_t)eng_model_info(model)->vocab, &len));
    assert_int_equal(len, 0);
    assert_memory_equal(eng_token_text(model, 23 + 'A', &len), "A", 1);
    assert_int_equal(len, 1);
    /* In text they are text. */
    assert_true(encode_checked(model, false, "<|end|>", 7, tokens) > 1);
    eng_model_close(model);
}

/* ---- Healing ----------------------------------------------------------------------- */

static void check_heal(const struct eng_model *model, const char *text, size_t expected)
{
    size_t point = eng_heal_point(model, text, strlen(text));
    if (point != expected) fail_msg("'%s' heals at %zu, expected %zu", text, point, expected);
}

static void test_heal_point(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t expected;
    } cases[] = {
        {"", 0},         {"ret", 0},      {"return x", 6}, {"a\n    retu", 5}, {"a\n    ", 2},
        {"f(", 2},       {"f(x)", 4},     {"x = y +", 5},  {"x ->", 1},        {"x;", 2},
        {"a\n", 2},      {"a\r\n", 3},    {"a\r", 1},      {"n = 12", 3},      {"n = 123", 7},
        {"n = 1234", 7}, {"\t\t", 0},     {"x \t", 1},     {"x  ", 1},         {"\"", 1},
        {"a \x01", 3},   {"  \x01  ", 3}, {"caf\xc3", 0},  {"if (a &&  b", 9}, {"  (", 3},
    };
    struct eng_model *model = open_vocabulary("espalier");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_heal(model, cases[i].text, cases[i].expected);
    eng_model_close(model);
    for (size_t f = 1; f < FOLDERS; f++) {
        model = open_vocabulary(folders[f]);
        check_heal(model, "", 0);
        check_heal(model, "int x = retu", 7);
        eng_model_close(model);
    }
}

static void test_heal_allows(void **state)
{
    (void)state;
    struct eng_model *model = open_vocabulary("espalier");
    int32_t vocab = (int32_t)eng_model_info(model)->vocab, r = 23 + 'r', space = 23 + ' ';
    assert_true(eng_heal_allows(model, r, "retu", 4));
    assert_true(eng_heal_allows(model, r, "r", 1));
    assert_false(eng_heal_allows(model, space, "retu", 4));
    assert_true(eng_heal_allows(model, space, " ", 1));
    assert_false(eng_heal_allows(model, 0, "r", 1));
    assert_true(eng_heal_allows(model, 0, "", 0));
    assert_false(eng_heal_allows(model, vocab, "r", 1));
    int allowed = 0;
    for (int32_t id = 0; id < vocab; id++)
        allowed += eng_heal_allows(model, id, " r", 2);
    assert_true(allowed > 1 && allowed < vocab / 4);
    eng_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_references),     cmocka_unit_test(test_any_bytes_tile),
        cmocka_unit_test(test_capacity),       cmocka_unit_test(test_lines_stand_alone),
        cmocka_unit_test(test_special_tokens), cmocka_unit_test(test_heal_point),
        cmocka_unit_test(test_heal_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
