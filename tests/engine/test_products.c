/* Products of matrices by the set that ESPALIER_CPU names, at awkward sizes: those of quantised
 * weights against ref bit by bit, for every type; tiles and row products within bounds. Also: a
 * row's result does not depend on the rows computed beside it. */
#include "engine/kernels/half.h"
#include "engine/kernels/kernels.h"
#include "tests/engine/files.h"
#include "tests/engine/floats.h"
#include "tests/engine/random_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const size_t lengths[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 257};
#define N_LENGTHS (sizeof lengths / sizeof lengths[0])

static const enum eng_tensor_type quantized[] = {ENG_Q8_0, ENG_Q4_0, ENG_IQ4_NL, ENG_Q4_K,
                                                 ENG_Q6_K};
#define N_QUANTIZED (sizeof quantized / sizeof quantized[0])

/* ---- Rows -------------------------------------------------------------------------- */

static struct eng_q8_rows new_rows(size_t rows, size_t cols)
{
    size_t blocks = rows * cols / 32;
    struct eng_q8_rows x = {malloc(rows * cols), calloc(blocks, sizeof(float)),
                            calloc(blocks, sizeof(int32_t)), calloc(blocks, sizeof(int32_t))};
    return x;
}

static void free_rows(struct eng_q8_rows *x)
{
    free(x->q);
    free(x->scale);
    free(x->bias);
    free(x->half);
}

static struct eng_q8_rows row_of(const struct eng_q8_rows *x, size_t row, size_t cols)
{
    size_t at = row * cols / 32;
    struct eng_q8_rows one = {x->q + row * cols, x->scale + at, x->bias + at, x->half + at};
    return one;
}

static void quantize_all(const struct eng_kernels *set, const float *x, size_t rows, size_t cols,
                         struct eng_q8_rows *out)
{
    for (size_t r = 0; r < rows; r++) {
        struct eng_q8_rows one = row_of(out, r, cols);
        set->quantize(x + r * cols, cols, &one);
    }
}

static void test_quantize(void **state)
{
    const struct eng_kernels *set = *state, *ref = eng_kernels_ref();
    enum { COLS = 32 * 9 };
    float *x = random_floats(1, COLS, 3);
    for (size_t i = 0; i < 32; i++)
        x[i] = 0; /* a block of zeros */
    for (size_t i = 32; i < 64; i++)
        x[i] = (float)((int)i - 48) / 2; /* ties of rounding */
    for (size_t i = 64; i < 96; i++)
        x[i] = 1e-38f * (float)(int)i; /* too small */
    for (size_t i = 96; i < 128; i++)
        x[i] = i % 2 ? -3e38f : 1e37f; /* huge */
    for (size_t i = 128; i < 192; i++)
        x[i] = i < 160 ? -1.0f : 1.0f; /* the largest sums */
    struct eng_q8_rows got = new_rows(1, COLS), want = new_rows(1, COLS);
    set->quantize(x, COLS, &got);
    ref->quantize(x, COLS, &want);
    assert_memory_equal(got.q, want.q, COLS);
    assert_same(got.scale, want.scale, COLS / 32);
    assert_memory_equal(got.bias, want.bias, COLS / 32 * sizeof *got.bias);
    assert_memory_equal(got.half, want.half, COLS / 32 * sizeof *got.half);
    free_rows(&got);
    free_rows(&want);
    free(x);
}

/* ---- Quantised weights ------------------------------------------------------------- */

static uint16_t random_scale(uint64_t *seed)
{
    uint16_t sign = random_below(seed, 2) ? 0x8000 : 0;
    return (uint16_t)(sign | (0x2000 + random_below(seed, 0x1000)));
}

/* n values of any codes and scales, in blocks of exactly their size. Some blocks hold one byte
 * throughout, so that all codes and small scales are at one end, and some have scales of 0. */
static void *random_weights(uint64_t seed, enum eng_tensor_type type, size_t n)
{
    static const uint8_t ends[] = {0x00, 0xff, 0x80, 0x7f};
    uint64_t bytes = 0;
    size_t size = eng_type_info(type)->block_bytes;
    assert_true(eng_type_bytes(type, n, &bytes));
    uint8_t *out = malloc(bytes);
    for (size_t b = 0; b < bytes / size; b++) {
        uint8_t *block = out + b * size;
        for (size_t i = 0; i < size; i++)
            block[i] = (uint8_t)random_below(&seed, 256);
        if (b % 3 == 0) memset(block, ends[b / 3 % 4], size);
        uint16_t d[2] = {random_scale(&seed), random_scale(&seed)};
        if (b % 7 == 5) d[0] = d[1] = 0;
        size_t halves = type == ENG_Q4_K ? 2 : 1, at = type == ENG_Q6_K ? size - 2 : 0;
        memcpy(block + at, d, halves * 2);
    }
    return out;
}

/* What the kernels of a set read: the rows themselves, or a packed copy (to be freed). */
static const void *prepared(const struct eng_kernels *set, enum eng_tensor_type type,
                            const void *rows, size_t outputs, size_t cols, void **packed)
{
    *packed = NULL;
    if (set->lanes == 0) return rows;
    size_t groups = (outputs + set->lanes - 1) / set->lanes;
    size_t bytes = groups * eng_group_bytes(type, set->lanes, cols);
    assert_int_equal(posix_memalign(packed, 64, bytes), 0);
    memset(*packed, 0xee, bytes);
    for (size_t g = groups; g-- > 0;) /* group by group, in any order */
        eng_pack(rows, type, cols, outputs, set->lanes, set->flip, g, g + 1, *packed);
    return *packed;
}

static void check_product(const struct eng_kernels *set, enum eng_tensor_type type, size_t outputs,
                          size_t cols, size_t rows)
{
    const struct eng_kernels *ref = eng_kernels_ref();
    size_t stride = outputs + 3;
    float *values = random_floats(outputs + cols, rows * cols, 2);
    for (size_t i = 0; i < cols; i++)
        values[i] = i % 3 ? 1.0f : -1.0f; /* quantised to +-127 */
    for (size_t i = 0; i < cols; i++)
        values[(rows - 1) * cols + i] = i / 64 % 2 ? 2.0f : -2.0f; /* the largest sums */
    void *w = random_weights(outputs * 31 + cols, type, outputs * cols), *packed;
    const void *weights = prepared(set, type, w, outputs, cols, &packed);
    struct eng_q8_rows x = new_rows(rows, cols);
    quantize_all(set, values, rows, cols, &x);

    float *got = random_floats(1, rows * stride, 1), *want = random_floats(1, rows * stride, 1);
    size_t middle = outputs / 128 * 64; /* in two cuts */
    set->product(type, weights, cols, 0, middle, &x, rows, got, stride);
    set->product(type, weights, cols, middle, outputs, &x, rows, got, stride);
    ref->product(type, w, cols, 0, outputs, &x, rows, want, stride);
    assert_same(got, want, rows * stride + 1); /* the gaps between rows included */

    for (size_t r = 0; r < rows; r += 1 + rows / 9) { /* one row alone */
        struct eng_q8_rows one = row_of(&x, r, cols);
        float *alone = random_floats(2, outputs, 1);
        set->product(type, weights, cols, 0, outputs, &one, 1, alone, outputs);
        assert_same(alone, want + r * stride, outputs);
        free(alone);
    }
    free(packed);
    free(got);
    free(want);
    free(values);
    free(w);
    free_rows(&x);
}

static void test_product(void **state)
{
    static const size_t outputs[] = {1, 8, 15, 16, 17, 31, 33, 200};
    static const size_t cols[] = {32, 64, 96, 256, 512, 1280}, rows[] = {1, 2, 3, 5, 8, 17, 130};
    enum { OUTPUTS = 8, COLS = 6, ROWS = 7 };
    for (size_t t = 0; t < N_QUANTIZED; t++)
        for (size_t i = 0; i < OUTPUTS * COLS * ROWS; i++) {
            size_t o = outputs[i % OUTPUTS], c = cols[i / OUTPUTS % COLS];
            size_t r = rows[i / OUTPUTS / COLS];
            if (c % eng_type_info(quantized[t])->block_values != 0) continue;
            if (o * c * r > 33 * 1280 * 17 && (o != 33 || r != 130)) continue; /* takes long */
            check_product(*state, quantized[t], o, c, r);
        }
}

/* Blocks as eng_read_block reads them, against a decoder that takes one value at a time, and
 * both against what another program has read from the same bytes: data/blocks.bin has for each
 * type its number, the number of values, the bytes and the values as fp32. */
static void test_blocks(void **state)
{
    (void)state;
    size_t len, types = 0;
    char *file = read_whole(ENGINE_DATA "/blocks.bin", &len), *at = file;
    while (at < file + len) {
        uint32_t head[2];
        uint64_t bytes = 0;
        memcpy(head, at, sizeof head);
        enum eng_tensor_type type = (enum eng_tensor_type)head[0];
        assert_true(eng_is_quantized(type) && eng_type_bytes(type, head[1], &bytes));
        uint8_t *rows = malloc(bytes);
        memcpy(rows, at + sizeof head, bytes);
        at += sizeof head + bytes;
        for (size_t i = 0; i < head[1]; i++, at += sizeof(float)) {
            struct eng_block_values block;
            float want;
            size_t v = i % ENG_BLOCK_VALUES;
            memcpy(&want, at, sizeof want);
            eng_read_block(rows, type, i / ENG_BLOCK_VALUES, &block);
            float got = block.scale[v / block.run] * block.q[v] - block.minimum;
            assert_close(&got, &want, 1, 1e-6);
            got = (float)stored_value(rows, type, i);
            assert_close(&got, &want, 1, 1e-6);
        }
        free(rows);
        types++;
    }
    assert_true(at == file + len);
    assert_int_equal(types, N_QUANTIZED);
    free(file);
}

/* ---- Tiles ------------------------------------------------------------------------- */

/* A panel of `outputs` by `rows`: the weights are the file's rounded once, the sums as exact as
 * fp32 allows, each row's whatever stands in the others. */
static void check_tiles(const struct eng_kernels *set, enum eng_tensor_type type, size_t outputs,
                        size_t cols, size_t rows)
{
    size_t stride = outputs + 3,
           padded = (rows + ENG_TILE_ROWS - 1) / ENG_TILE_ROWS * ENG_TILE_ROWS;
    void *w = random_weights(outputs * 7 + cols, type, outputs * cols), *packed, *panel = NULL;
    const void *weights = prepared(set, type, w, outputs, cols, &packed);
    assert_int_equal(posix_memalign(&panel, 64, ENG_PANEL_OUTPUTS * cols * 2), 0);
    set->tile_weights(type, weights, cols, outputs, panel);

    float *x = random_floats(cols + rows, padded * cols, 2);
    uint16_t *rounded = malloc(padded * cols * sizeof *rounded);
    for (size_t r = 0; r < padded; r++)
        set->tile_row(x + r * cols, 0, cols, cols, r, rounded);
    float *got = random_floats(1, rows * stride, 1), *before = random_floats(1, rows * stride, 1);
    set->tile_product(panel, cols, outputs, rounded, rows, got, stride);
    for (size_t r = 0; r < rows; r++) {
        for (size_t o = 0; o < outputs; o++) {
            double sum = 0, size = 0;
            for (size_t i = 0; i < cols; i++) {
                float value = (float)stored_value(w, type, o * cols + i);
                double product =
                    (double)of_bf16(to_bf16(value)) * (double)of_bf16(to_bf16(x[r * cols + i]));
                sum += product;
                size += fabs(product);
            }
            if (!(fabs((double)got[r * stride + o] - sum) <= 1e-6 * (size + 1e-6)))
                fail_msg("row %zu, output %zu of %zu by %zu: %.9g, expected %.9g", r, o, cols,
                         outputs, (double)got[r * stride + o], sum);
        }
        assert_same(got + r * stride + outputs, before + r * stride + outputs, 3);
    }
    for (size_t r = 0; r < rows; r++) { /* one row alone, with other things around it */
        uint16_t *one = malloc(ENG_TILE_ROWS * cols * sizeof *one);
        float *alone = random_floats(2, outputs, 1);
        memset(one, 0x41, ENG_TILE_ROWS * cols * sizeof *one);
        size_t half = cols / 64 * 32; /* in two runs of columns */
        set->tile_row(x + r * cols, 0, half, cols, 0, one);
        set->tile_row(x + r * cols + half, half, cols - half, cols, 0, one);
        set->tile_product(panel, cols, outputs, one, 1, alone, outputs);
        assert_same(alone, got + r * stride, outputs);
        free(alone);
        free(one);
    }
    free(before);
    free(got);
    free(rounded);
    free(x);
    free(panel);
    free(packed);
    free(w);
}

static void test_tiles(void **state)
{
    const struct eng_kernels *set = *state;
    static const size_t outputs[] = {1, 15, 16, 17, 31, 32, 47, 64, 128};
    if (!set->tile_product) return;
    for (size_t o = 0; o < sizeof outputs / sizeof outputs[0]; o++)
        for (size_t rows = 1; rows <= 70; rows += 1 + rows / 2) {
            for (size_t cols = 32; cols <= 160; cols += cols < 64 ? 32 : 96)
                check_tiles(set, rows % 2 ? ENG_Q8_0 : ENG_Q4_0, outputs[o], cols, rows);
            for (size_t t = 2; t < N_QUANTIZED && rows < 20; t++)
                check_tiles(set, quantized[t], outputs[o], 256, rows);
        }
}

/* ---- Row products ------------------------------------------------------------------ */

static void check_rows(eng_dot_rows product, eng_dot_rows plain, const void *weights,
                       size_t outputs, size_t cols, size_t rows)
{
    size_t stride = outputs + 2;
    float *x = random_floats(rows, rows * cols, 1);
    float *got = random_floats(1, rows * stride, 1), *want = random_floats(1, rows * stride, 1);
    product(weights, cols, 0, outputs / 2, x, rows, got, stride);
    product(weights, cols, outputs / 2, outputs, x, rows, got, stride);
    plain(weights, cols, 0, outputs, x, rows, want, stride);
    assert_close(got, want, rows * stride + 1, 2e-7 * sqrt((double)cols) * 4);
    for (size_t r = 0; r < rows; r++) {
        float *alone = random_floats(2, outputs, 1);
        product(weights, cols, 0, outputs, x + r * cols, 1, alone, outputs);
        assert_same(alone, got + r * stride, outputs);
        free(alone);
    }
    free(x);
    free(got);
    free(want);
}

static void test_row_products(void **state)
{
    const struct eng_kernels *set = *state, *ref = eng_kernels_ref();
    static const size_t outputs[] = {1, 3, 4, 9, 22};
    for (size_t l = 0; l < N_LENGTHS; l++) {
        for (size_t o = 0; o < sizeof outputs / sizeof outputs[0]; o++) {
            size_t n = outputs[o] * lengths[l];
            uint64_t seed = n;
            float *w = random_floats(n, n, 1);
            /* Blocks of exactly their size, so that a sanitizer sees a read past the end. */
            uint16_t *f16 = malloc(n * sizeof *f16), *bf16 = malloc(n * sizeof *bf16);
            for (size_t i = 0; i < n; i++) {
                f16[i] = (uint16_t)random_below(&seed, 0x3c00); /* [0, 1), subnormals too */
                if (random_below(&seed, 2)) f16[i] |= 0x8000;
                uint32_t bits;
                memcpy(&bits, &w[i], sizeof bits);
                bf16[i] = (uint16_t)(bits >> 16);
            }
            for (size_t rows = 1; rows <= 9; rows += 2) {
                check_rows(set->f32_product, ref->f32_product, w, outputs[o], lengths[l], rows);
                check_rows(set->f16_product, ref->f16_product, f16, outputs[o], lengths[l], rows);
                check_rows(set->bf16_product, ref->bf16_product, bf16, outputs[o], lengths[l],
                           rows);
            }
            free(w);
            free(f16);
            free(bf16);
        }
    }
}

int main(void)
{
    const struct eng_kernels *set = eng_kernels_choose(getenv("ESPALIER_CPU"));
    if (!set) return 77;

    static const struct {
        const char *name;
        CMUnitTestFunction run;
    } products[] = {
        {"quantize", test_quantize},         {"blocks", test_blocks}, {"product", test_product},
        {"row products", test_row_products}, {"tiles", test_tiles},
    };
    enum { N = sizeof products / sizeof products[0] };
    struct CMUnitTest tests[N];
    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){
            .name = products[i].name, .test_func = products[i].run, .initial_state = (void *)set};
    return _cmocka_run_group_tests(set->name, tests, N, NULL, NULL);
}
