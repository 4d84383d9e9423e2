/* Sampling: greedy choice and its ties, the mass of the nucleus, seeds, and what may be
 * drawn at all. */
#include "engine/engine.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define VOCAB 12
#define DRAWS 40000

static const float plain[VOCAB] = {0.5f,  2.0f, -1.0f, 2.0f,  0.0f, 1.5f,
                                   -3.0f, 1.0f, 0.25f, -9.0f, 2.0f, 0.5f};

static double probability(const float *logits, int32_t id, double temperature)
{
    double sum = 0;
    for (size_t i = 0; i < VOCAB; i++)
        sum += exp(logits[i] / temperature);
    return exp(logits[id] / temperature) / sum;
}

static const uint64_t odd_only[ENG_SET_WORDS(VOCAB)] = {UINT64_C(0xaaaaaaaaaaaaaaaa)};
static const uint64_t none[ENG_SET_WORDS(VOCAB)];

static void count_draws(struct eng_sampler sampler, const uint64_t *allowed, size_t counts[VOCAB])
{
    float scratch[VOCAB];
    memset(counts, 0, VOCAB * sizeof counts[0]);
    for (size_t i = 0; i < DRAWS; i++) {
        int32_t id = eng_sample(&sampler, plain, VOCAB, allowed, scratch, NULL);
        assert_in_range(id, 0, VOCAB - 1);
        counts[id]++;
    }
}

static void test_greedy(void **state)
{
    (void)state;
    struct eng_sampler sampler = {.temperature = 0, .top_p = 1, .state = 5};
    float scratch[VOCAB], log_prob = 0;
    assert_int_equal(eng_sample(&sampler, plain, VOCAB, NULL, scratch, &log_prob), 1);
    assert_float_equal(log_prob, log(probability(plain, 1, 1)), 1e-6);
    assert_int_equal(eng_sample(&sampler, plain, VOCAB, odd_only, scratch, NULL), 1);
    assert_int_equal(eng_sample(&sampler, plain + 2, VOCAB - 2, NULL, scratch, NULL), 1);
    assert_int_equal(eng_sample(&sampler, plain, VOCAB, none, scratch, NULL), -1);
    assert_int_equal(sampler.state, 5);
}

static void test_log_prob_is_unmodified(void **state)
{
    (void)state;
    struct eng_sampler sampler = {.temperature = 2, .top_p = 0.5f, .state = 1};
    float scratch[VOCAB], log_prob;
    for (int i = 0; i < 50; i++) {
        int32_t id = eng_sample(&sampler, plain, VOCAB, odd_only, scratch, &log_prob);
        assert_float_equal(log_prob, log(probability(plain, id, 1)), 1e-5);
    }
}

static void test_frequencies(void **state)
{
    (void)state;
    size_t counts[VOCAB];
    const double temperatures[] = {0.5, 1, 3};
    for (size_t t = 0; t < 3; t++) {
        struct eng_sampler sampler = {(float)temperatures[t], 1, 9};
        count_draws(sampler, NULL, counts);
        for (int32_t i = 0; i < VOCAB; i++) {
            double p = probability(plain, i, temperatures[t]);
            double error = fabs((double)counts[i] / DRAWS - p);
            assert_true(error <= 5 * sqrt(p * (1 - p) / DRAWS) + 1e-4);
        }
    }
}

/* Of 1, 3 and 10, which are equally likely and together have about 0.63: a nucleus of 0.3
 * needs two of them, and takes the lowest ids. */
static void test_nucleus(void **state)
{
    (void)state;
    size_t counts[VOCAB];
    struct eng_sampler sampler = {.temperature = 1, .top_p = 0.3f, .state = 77};
    double one = probability(plain, 1, 1);
    assert_true(one < 0.3 && 2 * one > 0.3);
    count_draws(sampler, NULL, counts);
    for (size_t i = 0; i < VOCAB; i++)
        assert_int_equal(counts[i] > 0, i == 1 || i == 3);
    assert_true(fabs((double)counts[1] / DRAWS - 0.5) < 0.02);

    sampler.top_p = 0.9f; /* 1, 3, 10: 0.63; 5: 0.76; 7: 0.83; 0: 0.88; 11: 0.92 */
    count_draws(sampler, NULL, counts);
    double mass = 0;
    for (int32_t i = 0; i < VOCAB; i++)
        if (counts[i] > 0) mass += probability(plain, i, 1);
    assert_true(mass >= 0.9);
    assert_true(mass - probability(plain, 11, 1) < 0.9); /* the least likely was needed */

    sampler.top_p = 0;
    count_draws(sampler, NULL, counts);
    assert_int_equal(counts[1], DRAWS);
}

static void test_allow(void **state)
{
    (void)state;
    size_t counts[VOCAB];
    struct eng_sampler sampler = {.temperature = 1, .top_p = 0.95f, .state = 3};
    count_draws(sampler, odd_only, counts);
    for (size_t i = 0; i < VOCAB; i++)
        if (i % 2 == 0) assert_int_equal(counts[i], 0);
    assert_true(counts[3] > 0 && counts[5] > 0 && counts[9] == 0);
    float scratch[VOCAB];
    assert_int_equal(eng_sample(&sampler, plain, VOCAB, none, scratch, NULL), -1);
}

static void test_seeds(void **state)
{
    (void)state;
    float scratch[VOCAB];
    struct eng_sampler a = {1, 1, 42}, b = {1, 1, 42}, c = {1, 1, 43};
    size_t different = 0;
    for (int i = 0; i < 200; i++) {
        int32_t first = eng_sample(&a, plain, VOCAB, NULL, scratch, NULL);
        assert_int_equal(eng_sample(&b, plain, VOCAB, NULL, scratch, NULL), first);
        different += eng_sample(&c, plain, VOCAB, NULL, scratch, NULL) != first;
    }
    assert_true(different > 50);
}

static void test_extreme_logits(void **state)
{
    (void)state;
    float scratch[VOCAB], log_prob;
    float logits[VOCAB] = {-INFINITY, -INFINITY, 1e30f, -1e30f};
    for (size_t i = 4; i < VOCAB; i++)
        logits[i] = -INFINITY;
    struct eng_sampler sampler = {.temperature = 1, .top_p = 0.9f, .state = 8};
    assert_int_equal(eng_sample(&sampler, logits, VOCAB, NULL, scratch, &log_prob), 2);
    assert_float_equal(log_prob, 0, 1e-6);
    logits[0] = logits[3] = NAN;
    for (int i = 0; i < 50; i++)
        assert_int_equal(eng_sample(&sampler, logits, VOCAB, NULL, scratch, NULL), 2);
    sampler.temperature = 1e-6f;
    assert_int_equal(eng_sample(&sampler, plain, 3, NULL, scratch, NULL), 1);
}

/* A set of more than one word. */
static void test_sets(void **state)
{
    (void)state;
    enum { MANY = 150 };
    struct eng_sampler sampler = {.temperature = 0, .top_p = 1};
    uint64_t set[ENG_SET_WORDS(MANY)] = {0};
    float logits[MANY], scratch[MANY];
    for (int32_t id = 0; id < MANY; id++)
        logits[id] = (float)id;
    for (int32_t id = 0; id < MANY; id += 7)
        eng_set_put(set, id, true);
    for (int32_t id = 147; id > 0; id -= 7) {
        assert_int_equal(eng_sample(&sampler, logits, MANY, set, scratch, NULL), id);
        eng_set_put(set, id, false);
        assert_false(eng_set_has(set, id));
    }
    sampler.temperature = 1e6f;
    for (int i = 0; i < 100; i++)
        assert_int_equal(eng_sample(&sampler, logits, MANY, set, scratch, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greedy),         cmocka_unit_test(test_log_prob_is_unmodified),
        cmocka_unit_test(test_frequencies),    cmocka_unit_test(test_nucleus),
        cmocka_unit_test(test_allow),          cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_extreme_logits), cmocka_unit_test(test_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
