/* test_quantize.c: what quantised rows read back as, and whole tensors on their way to another
 * file. The reference is the formats' plain rule: one scale from the largest magnitude (in Q4_K a
 * scale and a minimum from the ends), without any search. */
#include "engine/kernels/blocks.h"
#include "engine/kernels/half.h"
#include "engine/model.h"
#include "engine/quantize.h"
#include "tests/engine/random_model.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SUPER 256u
#define N     (SUPER * 64u)

static const enum eng_tensor_type quantised[] = {ENG_Q8_0, ENG_Q6_K, ENG_Q4_K, ENG_IQ4_NL,
                                                 ENG_Q4_0};
#define N_QUANTISED (sizeof quantised / sizeof *quantised)

/* Quantises values[n] and reads them back to out. */
static void round_trip(enum eng_tensor_type type, const float *values, size_t n, float *out)
{
    uint64_t bytes = 0;
    assert_true(eng_type_bytes(type, n, &bytes));
    void *stored = malloc(bytes);
    assert_non_null(stored);
    eng_quantize(type, values, n, stored);
    eng_expand_weights(stored, type, n, out);
    free(stored);
}

static double squared(const float *x, const float *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)x[i] - (y ? y[i] : 0);
        sum += d * d;
    }
    return sum;
}

/* ---- Distributions ------------------------------------------------------------------- */

static double gauss(uint64_t *state)
{
    double u = random_uniform(state), v = random_uniform(state);
    return sqrt(-2 * log(1 - u)) * cos(6.283185307179586 * v);
}

enum shape { GAUSSIAN, UNIFORM, OUTLIERS, SKEWED, SHAPES };

static void fill(enum shape shape, float *out, size_t n)
{
    uint64_t state = 11 + (uint64_t)shape;
    for (size_t i = 0; i < n; i++) {
        double g = 0.02 * gauss(&state);
        if (shape == UNIFORM) g = 0.1 * (random_uniform(&state) - 0.5);
        if (shape == OUTLIERS && random_below(&state, 50) == 0) g *= 20;
        if (shape == SKEWED) g = fabs(g) - 0.005;
        out[i] = (float)g;
    }
}

/* ---- The plain rules ------------------------------------------------------------------- */

static float half_rounded(float value)
{
    return eng_float_of_half(eng_half_of_float(value));
}

static float extreme_of(const float *x, size_t n)
{
    float extreme = 0;
    for (size_t i = 0; i < n; i++)
        if (fabsf(x[i]) > fabsf(extreme)) extreme = x[i];
    return extreme;
}

static float nearest_code(float x, float scale, int low, int high)
{
    if (scale == 0) return 0;
    float q = rintf(x / scale);
    return scale * (q < (float)low ? (float)low : q > (float)high ? (float)high : q);
}

static float nearest_of_table(float x, float scale)
{
    float best = 0;
    for (int k = 0; k < 16; k++) {
        float value = scale * eng_iq4_nl_values[k];
        if (k == 0 || fabsf(x - value) < fabsf(x - best)) best = value;
    }
    return best;
}

/* One super-block by the plain rule. */
static void plain(enum eng_tensor_type type, const float *x, float *out)
{
    size_t run = type == ENG_Q6_K ? 16 : 32;
    float scale[16], minimum[16], d = 0, dmin = 0;
    for (size_t s = 0; s < SUPER / run; s++) {
        float low = 0, high = 0, extreme = extreme_of(x + s * run, run);
        for (size_t i = 0; i < run; i++) {
            low = fminf(low, x[s * run + i]);
            high = fmaxf(high, x[s * run + i]);
        }
        minimum[s] = -low;
        scale[s] = type == ENG_Q8_0   ? half_rounded(extreme / 127)
                   : type == ENG_Q4_0 ? half_rounded(extreme / -8)
                   : type == ENG_Q4_K ? (high - low) / 15
                   : type == ENG_Q6_K ? extreme / -32
                                      : half_rounded(extreme / -127);
        d = fmaxf(d, fabsf(scale[s]));
        dmin = fmaxf(dmin, minimum[s]);
    }
    d = half_rounded(d / (type == ENG_Q4_K ? 63 : 127));
    dmin = half_rounded(dmin / 63);
    for (size_t i = 0; i < SUPER; i++) {
        float s = scale[i / run], m = minimum[i / run];
        float six = d > 0 ? d * rintf(s / d) : 0, low = dmin > 0 ? dmin * rintf(m / dmin) : 0;
        out[i] = type == ENG_Q8_0     ? nearest_code(x[i], s, -127, 127)
                 : type == ENG_Q4_0   ? nearest_code(x[i], s, -8, 7)
                 : type == ENG_IQ4_NL ? nearest_of_table(x[i], s)
                 : type == ENG_Q6_K   ? nearest_code(x[i], six, -32, 31)
                                      : nearest_code(x[i] + low, six, 0, 15) - low;
    }
}

/* Never worse than the plain rule, in the types of fewer bits a tenth better on what weights look
 * like, and within what these grids can do on a Gaussian. */
static void test_errors(void **state)
{
    (void)state;
    static const double gaussian[N_QUANTISED] = {3.0e-5, 2.8e-4, 5.0e-3, 5.5e-3, 6.7e-3};
    static const double gain[N_QUANTISED] = {1.0001, 0.9, 0.85, 0.88, 0.92};
    static float x[N], ours[N], theirs[N];
    for (int shape = 0; shape < SHAPES; shape++) {
        fill((enum shape)shape, x, N);
        for (size_t t = 0; t < N_QUANTISED; t++) {
            const char *name = eng_type_info(quantised[t])->name;
            round_trip(quantised[t], x, N, ours);
            for (size_t i = 0; i < N; i += SUPER)
                plain(quantised[t], x + i, theirs + i);
            double power = squared(x, NULL, N), error = squared(x, ours, N) / power;
            double reference = squared(x, theirs, N) / power;
            if (error > reference * (shape == GAUSSIAN ? gain[t] : 1.0001))
                fail_msg("%s, shape %d: error %g, by the plain rule %g", name, shape, error,
                         reference);
            if (shape == GAUSSIAN && error > gaussian[t])
                fail_msg("%s: error %g, expected at most %g", name, error, gaussian[t]);
        }
    }
}

/* With the scales as stored, no other code is nearer to any value. */
static void test_codes_are_nearest(void **state)
{
    (void)state;
    static float x[N];
    static uint8_t stored[N * sizeof(float)];
    fill(OUTLIERS, x, N);
    for (size_t t = 0; t < N_QUANTISED; t++) {
        enum eng_tensor_type type = quantised[t];
        int low = type == ENG_Q8_0 ? -127 : type == ENG_Q6_K ? -32 : type == ENG_Q4_K ? 0 : -8;
        int high = type == ENG_Q8_0 ? 127 : type == ENG_Q6_K ? 31 : type == ENG_Q4_K ? 15 : 7;
        eng_quantize(type, x, N, stored);
        for (size_t b = 0; b < N / 32; b++) {
            struct eng_block_values block;
            eng_read_block(stored, type, b, &block);
            for (size_t i = 0; i < 32; i++) {
                float scale = block.scale[i / block.run], value = x[b * 32 + i];
                float got = scale * block.q[i] - block.minimum, best = FLT_MAX;
                for (int q = low; q <= high; q++) {
                    int point = type == ENG_IQ4_NL ? eng_iq4_nl_values[q + 8] : q;
                    best = fminf(best, fabsf(value - (scale * (float)point - block.minimum)));
                }
                if (fabsf(value - got) > best * 1.0001f + 1e-7f * fabsf(value))
                    fail_msg("%s: value %zu is %g, stored as %g, %g off at best",
                             eng_type_info(type)->name, b * 32 + i, (double)value, (double)got,
                             (double)best);
            }
        }
    }
}

/* ---- What a type can hold comes back ---------------------------------------------------- */

static void test_halves_are_exact(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        uint16_t half = (uint16_t)bits, got = 0;
        float f16 = eng_float_of_half(half), bf16 = eng_float_of_bf16(half);
        if (isfinite(f16)) {
            eng_quantize(ENG_F16, &f16, 1, &got);
            assert_int_equal(got, half);
        }
        if (isfinite(bf16)) {
            eng_quantize(ENG_BF16, &bf16, 1, &got);
            assert_int_equal(got, half);
        }
    }
    const float between[] = {1.00390625f, 1.01171875f, -1.00390625f}; /* halfway: ties to even */
    uint16_t got[3];
    eng_quantize(ENG_BF16, between, 3, got);
    assert_int_equal(got[0], 0x3f80);
    assert_int_equal(got[1], 0x3f82);
    assert_int_equal(got[2], 0xbf80);
}

/* Blocks of random codes with one end of the grid among them. */
static void test_grids_are_exact(void **state)
{
    (void)state;
    static const enum eng_tensor_type types[] = {ENG_Q8_0, ENG_Q4_0, ENG_IQ4_NL};
    uint64_t seed = 3;
    for (size_t t = 0; t < 3; t++)
        for (int round = 0; round < 2000; round++) {
            float x[32], got[32], scale = half_rounded((float)exp(8 * random_uniform(&seed) - 9));
            if (types[t] != ENG_Q8_0 && round % 2) scale = -scale;
            for (size_t i = 0; i < 32; i++) {
                uint32_t code = i == 5 ? (round % 3 ? 0 : 15) : random_below(&seed, 16);
                int point = types[t] == ENG_Q4_0 ? (int)code - 8 : eng_iq4_nl_values[code];
                if (types[t] == ENG_Q8_0)
                    point = i == 5 ? (round % 3 ? 127 : -127) : (int)random_below(&seed, 255) - 127;
                x[i] = scale * (float)point;
            }
            round_trip(types[t], x, 32, got);
            for (size_t i = 0; i < 32; i++)
                if (got[i] != x[i])
                    fail_msg("%s, block %d: value %zu is %g, was %g", eng_type_info(types[t])->name,
                             round, i, (double)got[i], (double)x[i]);
        }
}

/* ---- Awkward values --------------------------------------------------------------------- */

static void test_awkward(void **state)
{
    (void)state;
    enum { ZERO, ONE, EQUAL, NEGATIVE, FAR, TINY, DENORMAL, LARGEST, MIXED, KINDS };
    for (int kind = 0; kind < KINDS; kind++)
        for (size_t t = 0; t < N_QUANTISED; t++) {
            float x[SUPER] = {0}, got[SUPER];
            for (size_t i = 0; i < SUPER && kind != ZERO; i++) {
                float wave = (float)((int)(i * 7 % 13) - 6);
                x[i] = kind == ONE        ? (i == 77 ? -0.3f : 0)
                       : kind == EQUAL    ? 0.123f
                       : kind == NEGATIVE ? -0.5f - 0.01f * wave
                       : kind == FAR      ? 100 + wave
                       : kind == TINY     ? 1e-7f * wave
                       : kind == DENORMAL ? 1e-40f * wave
                       : kind == LARGEST  ? (i % 2 ? ENG_HALF_MAX : -ENG_HALF_MAX)
                       : i % 64 < 32      ? 1e-6f * wave
                                          : 1000 * wave;
            }
            const char *name = eng_type_info(quantised[t])->name;
            assert_int_equal(eng_find_unfit(quantised[t], x, SUPER), SUPER);
            round_trip(quantised[t], x, SUPER, got);
            for (size_t i = 0; i < SUPER; i++)
                if (!isfinite(got[i])) fail_msg("%s, kind %d: %g", name, kind, (double)got[i]);
            double power = squared(x, NULL, SUPER), error = squared(x, got, SUPER);
            /* Scales are half floats: near their least one a grid is coarse, below it there is
             * none. */
            double bound = kind == DENORMAL ? 1.0 : kind == TINY ? 0.3 : 1.0 / 64;
            if (error > bound * power)
                fail_msg("%s, kind %d: squared error %g of %g", name, kind, error, power);
            for (size_t i = 0; kind == ZERO && i < SUPER; i++)
                assert_true(got[i] == 0);
        }
}

static void test_unfit(void **state)
{
    (void)state;
    float x[SUPER] = {0};
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t k = 0; k < 3; k++) {
        x[200] = bad[k];
        for (size_t t = 0; t < N_QUANTISED; t++)
            assert_int_equal(eng_find_unfit(quantised[t], x, SUPER), 200);
        assert_int_equal(eng_find_unfit(ENG_F32, x, SUPER), 200);
        assert_int_equal(eng_find_unfit(ENG_BF16, x, SUPER), 200);
    }
    x[200] = 1e6f;
    assert_int_equal(eng_find_unfit(ENG_F16, x, SUPER), 200);
    assert_int_equal(eng_find_unfit(ENG_Q4_0, x, SUPER), 200);
    assert_int_equal(eng_find_unfit(ENG_BF16, x, SUPER), SUPER);
    x[200] = FLT_MAX;
    assert_int_equal(eng_find_unfit(ENG_BF16, x, SUPER), 200);
    assert_int_equal(eng_find_unfit(ENG_F32, x, SUPER), SUPER);
}

/* ---- Tensors ------------------------------------------------------------------------------ */

#define ROWS 37u
#define COLS 512u

static struct eng_tensor tensor_of(const float *values)
{
    return (struct eng_tensor){.name = "blk.0.ffn_up.weight",
                               .type = ENG_F32,
                               .n_dims = 2,
                               .dims = {COLS, ROWS, 1, 1},
                               .data = values,
                               .bytes = ROWS * COLS * sizeof(float)};
}

/* Any number of threads makes the same bytes, and the loss is what reading them back says. */
static void test_convert(void **state)
{
    (void)state;
    static float x[ROWS * COLS], back[ROWS * COLS];
    static uint8_t one[sizeof x], three[sizeof x];
    fill(GAUSSIAN, x, ROWS * COLS);
    struct eng_tensor tensor = tensor_of(x);
    for (size_t t = 0; t < N_QUANTISED; t++) {
        uint64_t bytes = 0;
        struct eng_loss loss, again;
        assert_true(eng_type_bytes(quantised[t], ROWS * COLS, &bytes));
        assert_int_equal(eng_convert_tensor(&tensor, NULL, quantised[t], 1, one, &loss, NULL),
                         ENG_OK);
        assert_int_equal(eng_convert_tensor(&tensor, NULL, quantised[t], 3, three, &again, NULL),
                         ENG_OK);
        assert_memory_equal(one, three, bytes);
        assert_true(loss.error == again.error && loss.power == again.power);
        eng_expand_weights(one, quantised[t], ROWS * COLS, back);
        double error = squared(x, back, ROWS * COLS);
        assert_true(fabs(loss.error - error) < 1e-9 * error);
        assert_true(fabs(loss.power - squared(x, NULL, ROWS * COLS)) < 1e-9 * loss.power);
    }
}

static void test_kept(void **state)
{
    (void)state;
    static float x[ROWS * COLS], out[ROWS * COLS];
    static struct eng_block_q8_0 blocks[ROWS * COLS / 32], rows_only[3 * COLS / 32];
    static const uint32_t rows[] = {0, 5, 36};
    uint32_t cols[32];
    fill(UNIFORM, x, ROWS * COLS);
    for (uint32_t i = 0; i < 32; i++)
        cols[i] = i * 16 + i % 3;
    struct eng_tensor tensor = tensor_of(x);
    struct eng_loss loss;
    const struct eng_kept kept = {rows, cols, 3, 32}, whole_rows = {rows, NULL, 3, 0};
    assert_int_equal(eng_convert_tensor(&tensor, &kept, ENG_F32, 2, out, &loss, NULL), ENG_OK);
    for (size_t r = 0; r < 3; r++)
        for (size_t c = 0; c < 32; c++)
            assert_true(out[r * 32 + c] == x[rows[r] * COLS + cols[c]]);
    assert_true(loss.error == 0);

    /* Rows that keep their type are copied, bit by bit. */
    eng_quantize(ENG_Q8_0, x, ROWS * COLS, blocks);
    tensor.type = ENG_Q8_0;
    tensor.data = blocks;
    assert_int_equal(eng_convert_tensor(&tensor, &whole_rows, ENG_Q8_0, 0, rows_only, &loss, NULL),
                     ENG_OK);
    for (size_t r = 0; r < 3; r++)
        assert_memory_equal(&rows_only[r * COLS / 32], &blocks[rows[r] * COLS / 32],
                            COLS / 32 * sizeof *blocks);
}

static void test_convert_refuses(void **state)
{
    (void)state;
    static float x[ROWS * COLS];
    static uint8_t out[sizeof x];
    struct eng_error err = {""};
    struct eng_loss loss;
    fill(GAUSSIAN, x, ROWS * COLS);
    struct eng_tensor tensor = tensor_of(x);
    x[5 * COLS + 3] = NAN;
    x[30 * COLS] = INFINITY;
    assert_int_equal(eng_convert_tensor(&tensor, NULL, ENG_Q4_K, 2, out, &loss, &err),
                     ENG_BAD_INPUT);
    assert_non_null(strstr(err.text, "blk.0.ffn_up.weight: value 2563 is "));
    assert_non_null(strstr(err.text, "Q4_K"));
    x[5 * COLS + 3] = 0;
    x[30 * COLS] = 70000;
    assert_int_equal(eng_convert_tensor(&tensor, NULL, ENG_F16, 1, out, &loss, &err),
                     ENG_BAD_INPUT);
    assert_non_null(strstr(err.text, "value 15360 is 70000, which F16 cannot hold"));
    tensor.dims[0] = 96;
    assert_int_equal(eng_convert_tensor(&tensor, NULL, ENG_Q6_K, 1, out, &loss, &err),
                     ENG_BAD_INPUT);
    assert_non_null(strstr(err.text, "rows of 96 values"));
    assert_int_equal(eng_convert_tensor(&tensor, NULL, ENG_Q5_K, 1, out, &loss, &err),
                     ENG_BAD_INPUT);
}

static void test_magnitudes(void **state)
{
    (void)state;
    const float x[] = {1, -2, 3, -4, 5, -6};
    struct eng_tensor tensor = {.name = "t",
                                .type = ENG_F32,
                                .n_dims = 2,
                                .dims = {3, 2, 1, 1},
                                .data = x,
                                .bytes = sizeof x};
    double rows[2], cols[3];
    assert_int_equal(eng_sum_magnitudes(&tensor, rows, cols, NULL), ENG_OK);
    assert_true(rows[0] == 6 && rows[1] == 15);
    assert_true(cols[0] == 5 && cols[1] == 7 && cols[2] == 9);
}

static void test_roles(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum eng_role role;
    } cases[] = {{"token_embd.weight", ENG_ROLE_EMBEDDING},
                 {"output.weight", ENG_ROLE_OUTPUT},
                 {"output_norm.weight", ENG_ROLE_OTHER},
                 {"blk.11.attn_q.weight", ENG_ROLE_ATTENTION},
                 {"blk.0.attn_q_norm.weight", ENG_ROLE_OTHER},
                 {"blk.0.attn_structure.weight", ENG_ROLE_OTHER},
                 {"blk.0.attn_tree.weight", ENG_ROLE_OTHER},
                 {"blk.3.ffn_down.weight", ENG_ROLE_FEED_FORWARD},
                 {"blk.3.ffn_norm.weight", ENG_ROLE_OTHER},
                 {"ngram_embd.1.weight", ENG_ROLE_TABLE},
                 {"ngram_proj.weight", ENG_ROLE_FEED_FORWARD},
                 {"blk.x.ffn_down.weight", ENG_ROLE_OTHER},
                 {"rope_freqs.weight", ENG_ROLE_OTHER}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (eng_role_of(cases[i].name) != cases[i].role)
            fail_msg("%s has role %d", cases[i].name, (int)eng_role_of(cases[i].name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_codes_are_nearest),
        cmocka_unit_test(test_halves_are_exact),
        cmocka_unit_test(test_grids_are_exact),
        cmocka_unit_test(test_awkward),
        cmocka_unit_test(test_unfit),
        cmocka_unit_test(test_convert),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_convert_refuses),
        cmocka_unit_test(test_magnitudes),
        cmocka_unit_test(test_roles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
