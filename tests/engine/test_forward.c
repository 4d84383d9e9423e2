/* The engine's logits against the fp64 reference: architectures, structures, weight types,
 * awkward sizes. The kernel set is the one that ESPALIER_CPU names. */
#include "tests/engine/opened.h"
#include "tests/engine/random_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TOKENS 150 /* more than one chunk */

struct comparison {
    const char *name;
    struct random_model model;
    enum eng_weights weights;
    const char *prefill; /* ESPALIER_PREFILL, NULL: unset */
    double bound;        /* largest error allowed, in standard deviations of the logits */
    const char *policy;  /* of attention, NULL: as the file says */
};

/* Root of the mean square and the largest difference of the engine's logits from the
 * reference's. installed: the products are computed by what was asked for. */
static void compare(const struct comparison *c, double *worst, double *deviation, bool *installed)
{
    char path[] = "/tmp/espalier-forward-XXXXXX";
    struct eng_error err = {""};
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    if (c->prefill)
        setenv("ESPALIER_PREFILL", c->prefill, 1);
    else
        unsetenv("ESPALIER_PREFILL");

    size_t vocab = c->model.vocab;
    struct eng_input *inputs = calloc(TOKENS, sizeof *inputs);
    double *want = malloc(TOKENS * vocab * sizeof *want);
    float *got = malloc(TOKENS * vocab * sizeof *got);
    random_inputs(c->model.seed + 1, c->model.vocab, inputs, TOKENS);
    if (random_model_write(&c->model, path, &err) != ENG_OK) fail_msg("%s", err.text);
    struct eng_model_options options = {.weights = c->weights, .threads = 2};
    if (c->policy && eng_policy_parse(c->policy, &options.policy, &err) != ENG_OK)
        fail_msg("%s", err.text);
    const struct eng_policy *policy = c->policy ? &options.policy : NULL;
    if (reference_logits(path, policy, inputs, TOKENS, want, &err) != ENG_OK)
        fail_msg("%s", err.text);

    struct eng_model *model = open_model(path, &options);
    *installed = strcmp(eng_model_info(model)->products, "own, OpenBLAS not found") != 0;
    struct eng_session *session = open_session(model);
    if (eng_session_logits_all(session, inputs, TOKENS, 0, got, NULL, &err) != ENG_OK)
        fail_msg("%s", err.text);

    double mean = 0, squares = 0;
    *worst = 0;
    for (size_t i = 0; i < TOKENS * vocab; i++) {
        double difference = fabs(got[i] - want[i]);
        if (!(difference <= *worst)) *worst = difference; /* keeps NaN */
        mean += want[i];
        squares += want[i] * want[i];
    }
    mean /= (double)(TOKENS * vocab);
    *deviation = sqrt(squares / (double)(TOKENS * vocab) - mean * mean);

    eng_session_free(session);
    eng_model_close(model);
    unlink(path);
    free(inputs);
    free(want);
    free(got);
    unsetenv("ESPALIER_PREFILL");
}

#define ESPALIER(structure_, type_)                                                                \
    {                                                                                              \
        .architecture = "espalier", .structure = structure_, .activation = "relu2", .type = type_, \
        .layers = 2, .d_model = 64, .heads = 4, .kv_heads = 2, .head_dim = 32, .d_ff = 96,         \
        .vocab = 283, .context = 160, .tied = true, .qk_norm = true, .seed = 7                     \
    }
#define NGRAMS(tables_, type_)                                                                     \
    {                                                                                              \
        .architecture = "espalier", .structure = "additive", .activation = "relu2", .type = type_, \
        .layers = 2, .d_model = 64, .heads = 4, .kv_heads = 2, .head_dim = 32, .d_ff = 96,         \
        .vocab = 283, .context = 160, .tied = true, .qk_norm = true, .seed = 7, .ngrams = tables_  \
    }
#define MIXED(type_, table_type_, mixed_)                                                          \
    {                                                                                              \
        .architecture = "espalier", .structure = "additive", .activation = "relu2", .type = type_, \
        .table_type = table_type_, .mixed = mixed_, .layers = 2, .d_model = 64, .heads = 4,        \
        .kv_heads = 2, .head_dim = 32, .d_ff = 96, .vocab = 283, .context = 160, .tied = true,     \
        .qk_norm = true, .seed = 7, .ngrams = 2                                                    \
    }
#define LARGE_BLOCKS(type_, other_, tied_)                                                         \
    {                                                                                              \
        .architecture = "espalier", .structure = "additive", .activation = "relu2", .type = type_, \
        .mixed = true, .other_type = other_, .layers = 1, .d_model = 256, .heads = 4,              \
        .kv_heads = 2, .head_dim = 64, .d_ff = 256, .vocab = 283, .context = 160, .tied = tied_,   \
        .qk_norm = true, .seed = 7                                                                 \
    }
#define PLACED(structure_, type_)                                                                  \
    {                                                                                              \
        .architecture = "espalier", .structure = structure_, .activation = "relu2", .type = type_, \
        .layers = 2, .d_model = 64, .heads = 4, .kv_heads = 2, .head_dim = 32, .d_ff = 96,         \
        .vocab = 283, .context = 160, .tied = true, .qk_norm = true, .tree_positions = true,       \
        .seed = 7                                                                                  \
    }
#define SPARSE(structure_, type_)                                                                  \
    {                                                                                              \
        .architecture = "espalier", .structure = structure_, .activation = "relu2", .type = type_, \
        .layers = 3, .d_model = 64, .heads = 4, .kv_heads = 2, .head_dim = 32, .d_ff = 96,         \
        .vocab = 283, .context = 160, .tied = true, .qk_norm = true, .window = 9, .seed = 7        \
    }
#define ODD(type_)                                                                                 \
    {                                                                                              \
        .architecture = "espalier", .structure = "additive", .activation = "swiglu",               \
        .type = type_, .layers = 3, .d_model = 44, .heads = 3, .kv_heads = 1, .head_dim = 22,      \
        .d_ff = 70, .vocab = 263, .context = 151, .tied = false, .qk_norm = true, .seed = 11       \
    }
#define LLAMA(type_)                                                                               \
    {                                                                                              \
        .architecture = "llama", .structure = NULL, .activation = "swiglu", .type = type_,         \
        .layers = 2, .d_model = 96, .heads = 6, .kv_heads = 2, .head_dim = 16, .d_ff = 128,        \
        .vocab = 300, .context = 256, .tied = false, .qk_norm = false, .seed = 5                   \
    }

/* fp32 arithmetic stays within 2e-5 of a deviation; activations of 8 bits cost about
 * a tenth of one at worst. */
static const struct comparison comparisons[] = {
    {"espalier none F32", ESPALIER("none", ENG_F32), ENG_WEIGHTS_AS_STORED, "int8", 2e-5, NULL},
    {"espalier additive F32", ESPALIER("additive", ENG_F32), ENG_WEIGHTS_AS_STORED, "int8", 2e-5,
     NULL},
    {"espalier additive_key F32", ESPALIER("additive_key", ENG_F32), ENG_WEIGHTS_AS_STORED, "int8",
     2e-5, NULL},
    {"espalier multiplicative F32", ESPALIER("multiplicative", ENG_F32), ENG_WEIGHTS_AS_STORED,
     "int8", 2e-5, NULL},
    {"espalier gated F32", ESPALIER("gated", ENG_F32), ENG_WEIGHTS_AS_STORED, "int8", 2e-5, NULL},
    {"espalier additive F16", ESPALIER("additive", ENG_F16), ENG_WEIGHTS_AS_STORED, "int8", 2e-5,
     NULL},
    {"espalier additive BF16", ESPALIER("additive", ENG_BF16), ENG_WEIGHTS_AS_STORED, "int8", 2e-5,
     NULL},
    {"espalier gated Q8_0", ESPALIER("gated", ENG_Q8_0), ENG_WEIGHTS_AS_STORED, "int8", 0.2, NULL},
    {"espalier gated Q8_0 expanded", ESPALIER("gated", ENG_Q8_0), ENG_WEIGHTS_F32, "int8", 2e-5,
     NULL},
    {"espalier additive Q8_0 OpenBLAS", ESPALIER("additive", ENG_Q8_0), ENG_WEIGHTS_AS_STORED,
     "blas", 2e-5, NULL},
    {"espalier additive F16 default", ESPALIER("additive", ENG_F16), ENG_WEIGHTS_AS_STORED, NULL,
     2e-5, NULL},
    {"n-grams of one order F32", NGRAMS(1, ENG_F32), ENG_WEIGHTS_AS_STORED, "int8", 2e-5, NULL},
    {"n-grams of three orders F16", NGRAMS(3, ENG_F16), ENG_WEIGHTS_AS_STORED, "int8", 2e-5, NULL},
    {"n-grams of two orders Q8_0", NGRAMS(2, ENG_Q8_0), ENG_WEIGHTS_AS_STORED, "int8", 0.2, NULL},
    {"n-grams of two orders Q8_0 expanded", NGRAMS(2, ENG_Q8_0), ENG_WEIGHTS_F32, "int8", 2e-5,
     NULL},
    {"n-grams of two orders Q8_0 OpenBLAS", NGRAMS(2, ENG_Q8_0), ENG_WEIGHTS_AS_STORED, "blas",
     2e-5, NULL},
    {"Q4_0", MIXED(ENG_Q4_0, ENG_Q4_0, false), ENG_WEIGHTS_AS_STORED, "int8", 0.2, NULL},
    {"Q4_0 expanded", MIXED(ENG_Q4_0, ENG_Q4_0, false), ENG_WEIGHTS_F32, "int8", 2e-5, NULL},
    {"Q4_0 OpenBLAS", MIXED(ENG_Q4_0, ENG_Q4_0, false), ENG_WEIGHTS_AS_STORED, "blas", 2e-5, NULL},
    {"Q4_0 matrices, F16 tables", MIXED(ENG_Q4_0, ENG_F16, false), ENG_WEIGHTS_AS_STORED, "int8",
     0.2, NULL},
    {"F16 matrices, Q4_0 tables", MIXED(ENG_F16, ENG_Q4_0, false), ENG_WEIGHTS_AS_STORED, "int8",
     0.2, NULL}, /* the output matrix is one of them */
    {"F16 matrices, Q4_0 tables OpenBLAS", MIXED(ENG_F16, ENG_Q4_0, false), ENG_WEIGHTS_AS_STORED,
     "blas", 2e-5, NULL},
    {"Q8_0 and Q4_0, Q4_0 tables", MIXED(ENG_Q8_0, ENG_Q4_0, true), ENG_WEIGHTS_AS_STORED, "int8",
     0.2, NULL},
    {"Q8_0 and Q4_0 OpenBLAS", MIXED(ENG_Q8_0, ENG_Q8_0, true), ENG_WEIGHTS_AS_STORED, "blas", 2e-5,
     NULL},
    {"F32 and Q4_0, Q8_0 tables", MIXED(ENG_F32, ENG_Q8_0, true), ENG_WEIGHTS_AS_STORED, "int8",
     0.2, NULL},
    {"llama Q4_0", LLAMA(ENG_Q4_0), ENG_WEIGHTS_AS_STORED, "int8", 0.2, NULL},
    {"llama Q4_0 OpenBLAS", LLAMA(ENG_Q4_0), ENG_WEIGHTS_AS_STORED, "blas", 2e-5, NULL},
    {"IQ4_NL", MIXED(ENG_IQ4_NL, ENG_IQ4_NL, false), ENG_WEIGHTS_AS_STORED, "int8", 0.2, NULL},
    {"IQ4_NL expanded", MIXED(ENG_IQ4_NL, ENG_IQ4_NL, false), ENG_WEIGHTS_F32, "int8", 2e-5, NULL},
    {"Q4_K and Q6_K", LARGE_BLOCKS(ENG_Q4_K, ENG_Q6_K, true), ENG_WEIGHTS_AS_STORED, "int8", 0.2,
     NULL},
    {"Q6_K and Q4_K, output of its own", LARGE_BLOCKS(ENG_Q6_K, ENG_Q4_K, false),
     ENG_WEIGHTS_AS_STORED, "int8", 0.2, NULL},
    {"Q4_K and Q6_K expanded", LARGE_BLOCKS(ENG_Q4_K, ENG_Q6_K, true), ENG_WEIGHTS_F32, "int8",
     2e-5, NULL},
    {"Q4_K and Q6_K OpenBLAS", LARGE_BLOCKS(ENG_Q4_K, ENG_Q6_K, false), ENG_WEIGHTS_AS_STORED,
     "blas", 2e-5, NULL},
    {"tree positions F32", PLACED("none", ENG_F32), ENG_WEIGHTS_AS_STORED, "int8", 2e-5, NULL},
    {"tree positions additive F16", PLACED("additive", ENG_F16), ENG_WEIGHTS_AS_STORED, "int8",
     2e-5, NULL},
    {"sparse none F32", SPARSE("none", ENG_F32), ENG_WEIGHTS_AS_STORED, "int8", 2e-5, NULL},
    {"sparse additive F16", SPARSE("additive", ENG_F16), ENG_WEIGHTS_AS_STORED, "int8", 2e-5, NULL},
    {"sparse additive Q8_0 OpenBLAS", SPARSE("additive", ENG_Q8_0), ENG_WEIGHTS_AS_STORED, "blas",
     2e-5, NULL},
    {"odd sizes F32", ODD(ENG_F32), ENG_WEIGHTS_AS_STORED, "int8", 2e-5, NULL},
    {"odd sizes F16", ODD(ENG_F16), ENG_WEIGHTS_AS_STORED, "int8", 2e-5, NULL},
    {"odd sizes BF16 OpenBLAS", ODD(ENG_BF16), ENG_WEIGHTS_AS_STORED, "blas", 2e-5, NULL},
    {"llama F32", LLAMA(ENG_F32), ENG_WEIGHTS_AS_STORED, "int8", 2e-5, NULL},
    {"llama Q8_0", LLAMA(ENG_Q8_0), ENG_WEIGHTS_AS_STORED, "int8", 0.2, NULL},
    {"llama F32, window", LLAMA(ENG_F32), ENG_WEIGHTS_AS_STORED, "int8", 2e-5, "window:65"},
    {"llama Q8_0, window", LLAMA(ENG_Q8_0), ENG_WEIGHTS_AS_STORED, "int8", 0.2, "window:70"},
    {"gated F32, window", ESPALIER("gated", ENG_F32), ENG_WEIGHTS_AS_STORED, "int8", 2e-5,
     "window:64"},
    {"llama F32, blocks", LLAMA(ENG_F32), ENG_WEIGHTS_AS_STORED, "int8", 2e-5, "blocks"},
    {"additive_key Q8_0, blocks", ESPALIER("additive_key", ENG_Q8_0), ENG_WEIGHTS_AS_STORED, "int8",
     0.2, "blocks"},
    {"llama F32, threshold", LLAMA(ENG_F32), ENG_WEIGHTS_AS_STORED, "int8", 2e-5, "threshold:-2"},
    {"espalier none F16, threshold", ESPALIER("none", ENG_F16), ENG_WEIGHTS_AS_STORED, "int8", 2e-5,
     "threshold:-4"},
    {"espalier none Q8_0, threshold OpenBLAS", ESPALIER("none", ENG_Q8_0), ENG_WEIGHTS_F32, "blas",
     2e-5, "threshold:-4"},
};

static void check_forward(void **state)
{
    const struct comparison *c = *state;
    double worst, deviation;
    bool installed;
    compare(c, &worst, &deviation, &installed);
    print_message("%s: largest error %.2e of a deviation\n", c->name, worst / deviation);
    if (!installed) skip();
    assert_true(worst <= c->bound * deviation);
}

/* A copy of a file in which the Q4_0 tensors are Q8_0 with the same numbers. */
static void write_as_q8(const char *from, const char *to)
{
    struct eng_error err = {""};
    struct eng_gguf *gguf;
    if (eng_gguf_open(from, &gguf, &err) != ENG_OK) fail_msg("%s", err.text);
    size_t count = eng_gguf_tensor_count(gguf);
    struct eng_block_q8_0 **copies = calloc(count, sizeof *copies);
    struct eng_gguf_writer *writer = eng_gguf_writer_new();
    for (size_t i = 0; i < eng_gguf_key_count(gguf); i++)
        eng_gguf_put_key(writer, eng_gguf_key_at(gguf, i));
    for (size_t i = 0; i < count; i++) {
        const struct eng_tensor *t = eng_gguf_tensor_at(gguf, i);
        const struct eng_block_q4_0 *blocks = t->data;
        size_t n = (size_t)(t->bytes / sizeof *blocks);
        if (t->type == ENG_Q4_0) copies[i] = malloc(n * sizeof **copies);
        for (size_t b = 0; copies[i] && b < n; b++) {
            copies[i][b].d = blocks[b].d;
            for (size_t v = 0; v < 32; v++)
                copies[i][b].qs[v] = (int8_t)((blocks[b].qs[v % 16] >> (v < 16 ? 0 : 4) & 15) - 8);
        }
        eng_gguf_put_tensor(writer, t->name, copies[i] ? ENG_Q8_0 : t->type, t->n_dims, t->dims,
                            copies[i] ? copies[i] : t->data);
    }
    if (eng_gguf_writer_save(writer, to, &err) != ENG_OK) fail_msg("%s", err.text);
    eng_gguf_writer_free(writer);
    eng_gguf_close(gguf);
    for (size_t i = 0; i < count; i++)
        free(copies[i]);
    free(copies);
}

/* Q4_0 is computed as the Q8_0 file of the same numbers would be, bit by bit. */
static void check_q4_is_q8(void **state)
{
    (void)state;
    const struct random_model spec = MIXED(ENG_Q4_0, ENG_Q4_0, false);
    char paths[2][40] = {"/tmp/espalier-forward-XXXXXX", "/tmp/espalier-forward-XXXXXX"};
    float *logits[2];
    struct eng_input inputs[20];
    random_inputs(4, spec.vocab, inputs, 20);
    for (size_t i = 0; i < 2; i++) {
        int file = mkstemp(paths[i]);
        assert_true(file >= 0);
        close(file);
    }
    assert_int_equal(random_model_write(&spec, paths[0], NULL), ENG_OK);
    write_as_q8(paths[0], paths[1]);
    for (size_t i = 0; i < 2; i++) {
        struct eng_model *model;
        struct eng_session *session;
        assert_int_equal(eng_model_open(paths[i], NULL, &model, NULL), ENG_OK);
        assert_string_equal(eng_model_info(model)->weight_type, i == 0 ? "Q4_0" : "Q8_0");
        assert_int_equal(eng_session_new(model, 20, &session, NULL), ENG_OK);
        logits[i] = malloc(20 * spec.vocab * sizeof *logits[i]);
        assert_int_equal(eng_session_logits_all(session, inputs, 20, 0, logits[i], NULL, NULL),
                         ENG_OK);
        eng_session_free(session);
        eng_model_close(model);
        unlink(paths[i]);
    }
    assert_memory_equal(logits[0], logits[1], 20 * spec.vocab * sizeof *logits[0]);
    free(logits[0]);
    free(logits[1]);
}

int main(void)
{
    if (!random_model_set_runs()) return 77;
    enum { N = sizeof comparisons / sizeof comparisons[0] };
    struct CMUnitTest tests[N + 1] = {[N] = cmocka_unit_test(check_q4_is_q8)};
    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){.name = comparisons[i].name,
                                       .test_func = check_forward,
                                       .initial_state = (void *)&comparisons[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
