/* Confidence: the error of made-up suggestions, known by hand, and a map that is recovered
 * from suggestions drawn by it. */
#include "engine/gguf.h"
#include "lsp/cli/eval/calibration.h"
#include "lsp/cli/eval/recall.h"
#include "lsp/cli/eval/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void errors_worked_out_by_hand(void **state)
{
    (void)state;
    /* Ten suggestions of confidence 0.25, of which five are right; ten of 0.95, all right. */
    struct cli_suggestion s[20] = {0};
    for (int i = 0; i < 20; i++) {
        s[i].confidence = i % 2 ? 0.95 : 0.25;
        s[i].right = i % 2 ? 1 : i % 4 == 0;
    }
    struct cli_reliability r;
    cli_reliability(s, 20, &r);
    assert_float_equal(r.error_by_width, 0.5 * 0.25 + 0.5 * 0.05, 1e-9);
    assert_float_equal(r.error_by_mass, r.error_by_width, 0.2);
    assert_float_equal(r.brier, (5 * 0.5625 + 5 * 0.0625 + 10 * 0.0025) / 20, 1e-9);
    assert_int_equal(r.by_width[2].n, 10);
    assert_float_equal(r.by_width[2].right, 0.5, 1e-9);
    assert_int_equal(r.by_width[9].n, 10);
    assert_int_equal(r.by_width[5].n, 0);
    for (int b = 0; b < CLI_BINS; b++)
        assert_int_equal(r.by_mass[b].n, 2);

    double threshold;
    assert_true(cli_choose_threshold(s, 20, 0.9, 5, &threshold));
    assert_float_equal(threshold, 0.26, 1e-9);
    assert_true(cli_choose_threshold(s, 20, 0.5, 5, &threshold));
    assert_float_equal(threshold, 0, 1e-9);
    assert_false(cli_choose_threshold(s, 20, 0.9, 11, &threshold)); /* too few are left */
    cli_reliability(s, 0, &r);
    assert_float_equal(r.error_by_mass, 0, 0);
}

static void the_end_of_the_scale_is_in_the_last_bin(void **state)
{
    (void)state;
    struct cli_suggestion s[3] = {{.confidence = 1}, {.confidence = 0}, {.confidence = 0.1}};
    struct cli_reliability r;
    cli_reliability(s, 3, &r);
    assert_int_equal(r.by_width[0].n, 1);
    assert_int_equal(r.by_width[1].n, 1);
    assert_int_equal(r.by_width[9].n, 1);
}

/* Uniform in [0, 1). */
static double draw(uint64_t *seed)
{
    return (double)(cli_random(seed) >> 11) / 9007199254740992.0;
}

static void a_known_map_is_recovered(void **state)
{
    (void)state;
    enum { N = 20000 };
    static const float truth[ASST_FEATURES] = {1.0f, 0.8f, 0, 0, -0.5f, -1.0f, 0, 0};
    struct cli_suggestion *s = calloc(N, sizeof *s);
    assert_non_null(s);
    uint64_t seed = 7;
    for (int i = 0; i < N; i++) {
        float log_probs[40];
        uint32_t n = 1 + (uint32_t)cli_random_below(&seed, 20);
        for (uint32_t k = 0; k < n; k++)
            log_probs[k] = (float)(0.3 * log(draw(&seed) + 1e-9));
        asst_evidence_of(log_probs, n, cli_random_below(&seed, 2) == 0, false, false,
                         &s[i].evidence);
        s[i].right = draw(&seed) < (double)asst_confidence_map(truth, &s[i].evidence);
    }
    float weights[ASST_FEATURES];
    assert_true(cli_fit_confidence(s, N, weights));
    assert_float_equal(weights[ASST_FEATURE_CUT], truth[ASST_FEATURE_CUT], 0.15);
    assert_float_equal(weights[ASST_FEATURE_END], 0, 0); /* never varies */
    for (int i = 0; i < N; i++)
        s[i].confidence = asst_confidence_map(weights, &s[i].evidence);
    struct cli_reliability r;
    cli_reliability(s, N, &r);
    assert_true(r.error_by_mass < 0.02);
    assert_true(r.error_by_width < 0.02);

    for (int i = 0; i < N; i++)
        s[i].right = 0;
    assert_false(cli_fit_confidence(s, N, weights)); /* nothing to tell apart */
    assert_false(cli_fit_confidence(s, 0, weights));
    free(s);
}

/* What separates right from wrong wholly must not give weights without bounds. */
static void separable_suggestions_give_finite_weights(void **state)
{
    (void)state;
    struct cli_suggestion s[40] = {0};
    for (int i = 0; i < 40; i++) {
        float log_prob = i < 20 ? -0.1f : -5.0f;
        asst_evidence_of(&log_prob, 1, false, i < 20, i < 20, &s[i].evidence);
        s[i].right = i < 20;
    }
    float weights[ASST_FEATURES];
    assert_true(cli_fit_confidence(s, 40, weights));
    for (int k = 0; k < ASST_FEATURES; k++)
        assert_true(isfinite(weights[k]) && fabsf(weights[k]) < 20);
    assert_true(asst_confidence_map(weights, &s[0].evidence) > 0.9f);
    assert_true(asst_confidence_map(weights, &s[39].evidence) < 0.1f);
}

/* A copy of the model with n weights of `weight` and a threshold, and m weights of recall (0:
 * none), opened. */
static enum eng_status open_with(size_t n, float weight, float threshold, size_t m,
                                 struct eng_model **out, struct eng_error *err)
{
    struct eng_gguf *gguf;
    assert_int_equal(eng_gguf_open(MODEL, &gguf, err), ENG_OK);
    struct eng_gguf_writer *writer = eng_gguf_writer_new();
    for (size_t i = 0; i < eng_gguf_key_count(gguf); i++)
        eng_gguf_put_key(writer, eng_gguf_key_at(gguf, i));
    float weights[ASST_FEATURES + 1] = {0};
    weights[0] = weight;
    eng_gguf_put_f32s(writer, "espalier.confidence.weights", weights, n);
    eng_gguf_put_f32(writer, "espalier.confidence.threshold", threshold);
    if (m > 0) eng_gguf_put_f32s(writer, "espalier.recall.weights", weights, m);
    for (size_t i = 0; i < eng_gguf_tensor_count(gguf); i++) {
        const struct eng_tensor *t = eng_gguf_tensor_at(gguf, i);
        eng_gguf_put_tensor(writer, t->name, t->type, t->n_dims, t->dims, t->data);
    }
    char path[] = "/tmp/espalier-confidence-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(eng_gguf_writer_save(writer, path, err), ENG_OK);
    eng_gguf_writer_free(writer);
    eng_gguf_close(gguf);
    *out = NULL;
    enum eng_status status = eng_model_open(path, NULL, out, err);
    unlink(path);
    return status;
}

static void a_model_file_brings_its_map(void **state)
{
    (void)state;
    struct eng_model *model;
    struct eng_error err = {""};
    struct asst_evidence evidence;
    float log_prob = -0.5f;
    asst_evidence_of(&log_prob, 1, false, false, false, &evidence);
    evidence.mean_all = 0.25f;

    assert_int_equal(open_with(ASST_FEATURES, 1.0f, 0.4f, 0, &model, &err), ENG_OK);
    assert_float_equal(asst_confidence(model, &evidence), 1 / (1 + exp(-1)), 1e-6);
    assert_float_equal(asst_least_confidence(model, -1), 0.4, 1e-6);
    assert_float_equal(asst_least_confidence(model, 0), 0, 0); /* what the user says counts */
    eng_model_close(model);

    assert_int_equal(eng_model_open(MODEL, NULL, &model, &err), ENG_OK); /* has none */
    assert_float_equal(asst_confidence(model, &evidence), 0.25, 0);
    assert_float_equal(asst_least_confidence(model, -1), 0, 0);
    eng_model_close(model);

    assert_int_equal(open_with(ASST_FEATURES + 1, 1, 0, 0, &model, &err), ENG_BAD_FILE);
    assert_non_null(strstr(err.text, "espalier.confidence.weights has 9 numbers, expected 8"));
    assert_int_equal(open_with(ASST_FEATURES, NAN, 0, 0, &model, &err), ENG_BAD_FILE);
    assert_non_null(strstr(err.text, "espalier.confidence.weights[0] is no finite number"));
    assert_int_equal(open_with(ASST_FEATURES, 1, 1.5f, 0, &model, &err), ENG_BAD_FILE);
    assert_non_null(strstr(err.text, "espalier.confidence.threshold is 1.5, expected 0 to 1"));
}

static void a_model_file_brings_its_recall(void **state)
{
    (void)state;
    struct eng_model *model;
    struct eng_error err = {""};
    assert_int_equal(open_with(ASST_FEATURES, 0.5f, 0, ASST_RECALL_FEATURES, &model, &err), ENG_OK);
    assert_true(eng_model_info(model)->recalls);
    assert_float_equal(eng_model_info(model)->recall[0], 0.5, 0);
    eng_model_close(model);
    assert_int_equal(eng_model_open(MODEL, NULL, &model, &err), ENG_OK); /* has none */
    assert_false(eng_model_info(model)->recalls);
    eng_model_close(model);
    assert_int_equal(open_with(ASST_FEATURES, 1, 0, 5, &model, &err), ENG_BAD_FILE);
    assert_non_null(strstr(err.text, "espalier.recall.weights has 5 numbers, expected 6"));
}

/* Tokens that come from a mixture of known weights: the fit finds it, and no other weights make
 * the tokens likelier by much. */
static void a_known_mixture_is_recovered(void **state)
{
    (void)state;
    enum { N_TOKENS = 40000 };
    const float truth[ASST_RECALL_FEATURES] = {-1, 0.4f, 0, 0, 0, 0.5f};
    struct cli_recall_token *tokens = calloc(N_TOKENS, sizeof *tokens);
    float weights[ASST_RECALL_FEATURES];
    uint64_t seed = 11;
    for (int i = 0; i < N_TOKENS; i++) {
        struct cli_recall_token *t = &tokens[i];
        t->guessed = i % 5 != 0;
        double model = 0.05 + 0.9 * draw(&seed), guess = 0.05 + 0.9 * draw(&seed);
        t->feature[ASST_RECALL_ONE] = 1;
        t->feature[ASST_RECALL_LENGTH] = (float)(1 + (int)(draw(&seed) * 8));
        t->feature[ASST_RECALL_SURE] = (float)(draw(&seed) - 0.5);
        t->feature[ASST_RECALL_COUNT] = (float)draw(&seed);
        t->feature[ASST_RECALL_BEST] = (float)-draw(&seed);
        t->feature[ASST_RECALL_ENTROPY] = (float)(4 * draw(&seed) - 2);
        /* Of two tokens, one is drawn. */
        double w = t->guessed ? asst_recall_weight(truth, t->feature) : 0;
        bool first = draw(&seed) < w * guess + (1 - w) * model;
        t->model = first ? model : 1 - model;
        t->guess = first ? guess : 1 - guess;
    }
    assert_true(cli_recall_fit(tokens, N_TOKENS, weights));
    for (int k = 0; k < ASST_RECALL_FEATURES; k++)
        assert_float_equal(weights[k], truth[k], 0.35);
    double alone = cli_recall_bits(tokens, N_TOKENS, NULL);
    double fitted = cli_recall_bits(tokens, N_TOKENS, weights);
    assert_true(fitted < alone);
    assert_true(fitted < cli_recall_bits(tokens, N_TOKENS, truth) + 1e-4);
    assert_false(cli_recall_fit(tokens, 1, weights)); /* which has no guess */
    free(tokens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_worked_out_by_hand),
        cmocka_unit_test(the_end_of_the_scale_is_in_the_last_bin),
        cmocka_unit_test(a_known_map_is_recovered),
        cmocka_unit_test(separable_suggestions_give_finite_weights),
        cmocka_unit_test(a_model_file_brings_its_map),
        cmocka_unit_test(a_model_file_brings_its_recall),
        cmocka_unit_test(a_known_mixture_is_recovered),
    };
    return cmocka_run_group_tests_name("calibration", tests, NULL, NULL);
}
