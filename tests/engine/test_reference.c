/* test_reference.c: the shipped model, run by the engine, against the code that trained it.
 *
 * data/reference.bin is written by engine/training/export.py. Little-endian:
 *
 *   "EREF", u32 version (1), prompts, vocab, levels (8)
 *   for each prompt: u32 n, u32 m
 *     i32 ids[n], chain[n][levels]; u8 depth[n], kind[n], sibling[n], segment[n]
 *     u32 positions[m], ascending
 *     f32 stored[m][vocab]    logits from the weights as the file holds them, all else in fp32
 *     f32 original[m][vocab]  logits from the weights before they were quantised
 *
 * The engine on fp32 weights must give the first; the engine as it serves (8-bit products)
 * must stay within a small divergence of the first and, unless the file has weights of 4 bits,
 * which are a model of their own, of the second. */
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

#define EXACT      1e-3 /* largest difference of two logits */
#define DIVERGENCE 1e-3 /* nats a token, mean */

struct prompt {
    uint32_t n, m;
    struct eng_input *inputs;  /* [n] */
    const uint32_t *positions; /* [m] */
    const float *stored;       /* [m, vocab] */
    const float *original;     /* [m, vocab] */
};

struct cursor {
    const char *at, *end;
};

static const void *take(struct cursor *c, size_t bytes)
{
    assert_true(bytes <= (size_t)(c->end - c->at));
    const void *p = c->at;
    c->at += bytes;
    return p;
}

static uint32_t take_u32(struct cursor *c)
{
    uint32_t value;
    memcpy(&value, take(c, sizeof value), sizeof value);
    return value;
}

static struct prompt take_prompt(struct cursor *c, uint32_t vocab)
{
    struct prompt p = {.n = take_u32(c), .m = take_u32(c)};
    const int32_t *ids = take(c, 4 * (size_t)p.n);
    const int32_t *chain = take(c, 4 * (size_t)p.n * ENG_LEVELS);
    const uint8_t *small = take(c, 4 * (size_t)p.n);
    p.inputs = calloc(p.n, sizeof *p.inputs);
    assert_non_null(p.inputs);
    for (uint32_t i = 0; i < p.n; i++) {
        struct eng_record *record = &p.inputs[i].record;
        p.inputs[i].id = ids[i];
        memcpy(record->chain, chain + (size_t)i * ENG_LEVELS, sizeof record->chain);
        record->depth = small[i];
        record->kind = small[p.n + i];
        record->sibling = small[2 * p.n + i];
        record->segment = small[3 * p.n + i];
    }
    p.positions = take(c, 4 * (size_t)p.m);
    p.stored = take(c, 4 * (size_t)p.m * vocab);
    p.original = take(c, 4 * (size_t)p.m * vocab);
    return p;
}

static double worst_difference(const float *a, const float *b, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fabs((double)a[i] - b[i]));
    return worst;
}

static double log_sum(const float *logits, size_t n)
{
    double top = logits[0], sum = 0;
    for (size_t i = 1; i < n; i++)
        top = fmax(top, logits[i]);
    for (size_t i = 0; i < n; i++)
        sum += exp(logits[i] - top);
    return top + log(sum);
}

/* KL(softmax(want) || softmax(got)) in nats. */
static double divergence(const float *want, const float *got, size_t n)
{
    double from = log_sum(want, n), to = log_sum(got, n), sum = 0;
    for (size_t i = 0; i < n; i++) {
        double p = want[i] - from, q = got[i] - to;
        sum += exp(p) * (p - q);
    }
    return sum;
}

struct result {
    double worst, divergence, from_original;
    uint32_t positions;
    bool four_bits; /* some weights are Q4_0 */
};

static void compare(struct eng_session *session, const struct prompt *p, uint32_t vocab,
                    struct result *result)
{
    struct eng_error err = {""};
    float *logits = malloc(sizeof *logits * p->n * vocab);
    assert_non_null(logits);
    if (eng_session_logits_all(session, p->inputs, p->n, 0, logits, NULL, &err) != ENG_OK)
        fail_msg("%s", err.text);
    for (uint32_t i = 0; i < p->m; i++) {
        const float *row = logits + (size_t)p->positions[i] * vocab;
        size_t at = (size_t)i * vocab;
        result->worst = fmax(result->worst, worst_difference(row, p->stored + at, vocab));
        result->divergence += divergence(p->stored + at, row, vocab);
        result->from_original += divergence(p->original + at, row, vocab);
        result->positions++;
    }
    free(logits);
}

static struct result run(enum eng_weights weights)
{
    size_t len;
    char *bytes = read_whole(ENGINE_DATA "/reference.bin", &len);
    struct cursor c = {bytes, bytes + len};
    assert_memory_equal(take(&c, 4), "EREF", 4);
    assert_int_equal(take_u32(&c), 1);
    uint32_t prompts = take_u32(&c), vocab = take_u32(&c);
    assert_int_equal(take_u32(&c), ENG_LEVELS);

    const struct eng_model_options options = {.weights = weights, .threads = 1};
    struct eng_model *model = open_model(SHIPPED_MODEL, &options);
    const struct eng_model_info *info = eng_model_info(model);
    assert_int_equal(info->vocab, vocab);
    struct eng_session *session = open_session(model);

    const char *const types[] = {info->weight_type, info->embedding_type, info->table_type};
    struct result result = {0};
    for (size_t i = 0; i < 3; i++)
        result.four_bits |= strcmp(types[i], "Q4_0") == 0;
    for (uint32_t i = 0; i < prompts; i++) {
        struct prompt p = take_prompt(&c, vocab);
        compare(session, &p, vocab, &result);
        free(p.inputs);
    }
    assert_true(c.at == c.end);
    eng_session_free(session);
    eng_model_close(model);
    free(bytes);
    return result;
}

static void test_exact_weights(void **state)
{
    (void)state;
    struct result r = run(ENG_WEIGHTS_F32);
    print_message("fp32 weights: largest difference %.2e over %u positions\n", r.worst,
                  r.positions);
    assert_true(r.worst <= EXACT);
}

static void test_as_served(void **state)
{
    (void)state;
    struct result r = run(ENG_WEIGHTS_AS_STORED);
    double mean = r.divergence / r.positions, from_original = r.from_original / r.positions;
    print_message("as served: %.2e nats a token over %u positions, %.2e from the original\n", mean,
                  r.positions, from_original);
    assert_true(mean <= DIVERGENCE);
    if (!r.four_bits) assert_true(from_original <= DIVERGENCE);
}

int main(void)
{
    if (!random_model_set_runs()) return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_weights),
        cmocka_unit_test(test_as_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
