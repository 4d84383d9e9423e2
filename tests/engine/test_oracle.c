/* test_oracle.c: our probabilities against llama.cpp's on the same model files.
 *
 * Each oracle/NAME.gguf has a NAME.rows with the tokens that llama.cpp made of text.txt and
 * the full softmax row after each of them; oracle/README.md says how they come about. */
#include "engine/engine.h"
#include "tests/engine/files.h"
#include "tests/engine/opened.h"
#include "tests/engine/random_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TOLERANCE  1e-4
#define PATH_BYTES 1100

/* NAME.rows, as rows.mjs writes it. */
struct rows {
    uint32_t n, vocab;
    const int32_t *ids;         /* [n] */
    const float *probabilities; /* [n, vocab] */
    char *bytes;
};

static struct rows read_rows(const char *stem)
{
    char path[PATH_BYTES];
    size_t len;
    struct rows rows;
    snprintf(path, sizeof path, "%s.rows", stem);
    rows.bytes = read_whole(path, &len);
    assert_true(len >= 8);
    memcpy(&rows.n, rows.bytes, 4);
    memcpy(&rows.vocab, rows.bytes + 4, 4);
    assert_int_equal(len, 8 + 4 * (size_t)rows.n * (1 + (size_t)rows.vocab));
    rows.ids = (const int32_t *)(rows.bytes + 8);
    rows.probabilities = (const float *)(rows.bytes + 8 + 4 * (size_t)rows.n);
    return rows;
}

static void check_tokens(const struct eng_model *model, const struct rows *rows)
{
    size_t len, count;
    struct eng_token tokens[256];
    char *text = read_whole(ORACLE "/text.txt", &len);
    assert_int_equal(eng_tokenize(model, text, len, tokens, 256, &count, NULL), ENG_OK);
    assert_int_equal(count, rows->n);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(tokens[i].id, rows->ids[i]);
    free(text);
}

/* The largest difference between softmax(logits) and wanted over [n, vocab]. */
static double worst_difference(const float *logits, const float *wanted, size_t n, size_t vocab)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++, logits += vocab, wanted += vocab) {
        double sum = 0, most = logits[0];
        for (size_t v = 1; v < vocab; v++)
            most = fmax(most, logits[v]);
        for (size_t v = 0; v < vocab; v++)
            sum += exp(logits[v] - most);
        for (size_t v = 0; v < vocab; v++)
            worst = fmax(worst, fabs(exp(logits[v] - most) / sum - wanted[v]));
    }
    return worst;
}

static void check_model(const char *stem, enum eng_weights weights)
{
    char path[PATH_BYTES];
    struct eng_error err = {""};
    const struct eng_model_options options = {.weights = weights, .threads = 1};
    struct rows rows = read_rows(stem);
    snprintf(path, sizeof path, "%s.gguf", stem);
    struct eng_model *model = open_model(path, &options);
    assert_int_equal(eng_model_info(model)->vocab, rows.vocab);
    check_tokens(model, &rows);
    struct eng_input *inputs = calloc(rows.n, sizeof *inputs);
    float *logits = malloc(sizeof(float) * rows.n * rows.vocab);
    assert_true(inputs && logits);
    for (uint32_t i = 0; i < rows.n; i++)
        inputs[i].id = rows.ids[i];
    struct eng_session *session = open_session(model);
    if (eng_session_logits_all(session, inputs, rows.n, 0, logits, NULL, &err) != ENG_OK)
        fail_msg("%s", err.text);
    double worst = worst_difference(logits, rows.probabilities, rows.n, rows.vocab);
    print_message("%s, weights %s: largest difference %.2e\n", strrchr(stem, '/') + 1,
                  weights == ENG_WEIGHTS_F32 ? "expanded" : "as stored", worst);
    assert_true(worst < TOLERANCE);
    eng_session_free(session);
    eng_model_close(model);
    free(logits);
    free(inputs);
    free(rows.bytes);
}

static void check_both(const char *stem, void *user)
{
    (void)user;
    check_model(stem, ENG_WEIGHTS_AS_STORED);
    check_model(stem, ENG_WEIGHTS_F32);
}

static void test_probabilities(void **state)
{
    (void)state;
    assert_true(for_each_file(ORACLE, ".rows", check_both, NULL) >= 2);
}

int main(void)
{
    if (!random_model_set_runs()) return 77;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_probabilities)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
