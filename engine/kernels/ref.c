/* The naive kernels: one plain loop each, in the order the formulas are written. They are
 * what the vector sets are tested against and what runs where there is no vector set.
 * Deliberately not fast and not clever; fmaf stands where the vector sets use a fused
 * multiply-add, so that those results can be compared bit by bit.
 */
#include "engine/kernels/half.h"
#include "engine/kernels/kernels.h"

#include <math.h>

static void quantize(const float *x, size_t cols, const struct eng_q8_rows *out)
{
    for (size_t b = 0; b < cols / ENG_Q8_VALUES; b++, x += ENG_Q8_VALUES) {
        int8_t *q = out->q + b * ENG_Q8_VALUES;
        float largest = 0;
        for (size_t i = 0; i < ENG_Q8_VALUES; i++)
            largest = fmaxf(largest, fabsf(x[i]));
        float inverse = largest >= ENG_Q8_SMALLEST ? 127.0f / largest : 0;
        int32_t sum = 0;
        for (size_t i = 0; i < ENG_Q8_VALUES; i++) {
            float rounded = rintf(x[i] * inverse);
            q[i] = (int8_t)fmaxf(-127.0f, fminf(127.0f, rounded));
            sum += q[i];
            if (i + 1 == ENG_Q8_VALUES / 2) out->half[b] = -128 * sum;
        }
        out->scale[b] = largest / 127.0f;
        out->bias[b] = -128 * sum;
    }
}

/* sum, with one block's products added. */
static float add_block(const struct eng_block_values *w, const int8_t *q, float scale, int32_t bias,
                       enum eng_tensor_type type, float sum)
{
    for (size_t run = 0; run < ENG_BLOCK_VALUES / w->run; run++) {
        int32_t dot = 0;
        for (size_t i = run * w->run; i < (run + 1) * w->run; i++)
            dot += w->q[i] * q[i];
        sum = fmaf((float)dot, w->scale[run] * scale, sum);
    }
    if (type == ENG_Q4_K) sum = fmaf(-w->minimum, eng_sum_of_block(scale, bias), sum);
    return sum;
}

static void product(enum eng_tensor_type type, const void *weights, size_t cols, size_t first,
                    size_t last, const struct eng_q8_rows *x, size_t rows, float *y,
                    size_t y_stride)
{
    size_t blocks = cols / ENG_BLOCK_VALUES; /* weights [outputs, blocks] */
    for (size_t o = first; o < last; o++) {
        for (size_t r = 0; r < rows; r++)
            y[r * y_stride + o] = 0;
        for (size_t b = 0; b < blocks; b++) {
            struct eng_block_values w;
            eng_read_block(weights, type, o * blocks + b, &w);
            for (size_t r = 0; r < rows; r++) {
                size_t at = r * blocks + b;
                float *sum = &y[r * y_stride + o];
                *sum =
                    add_block(&w, x->q + at * ENG_Q8_VALUES, x->scale[at], x->bias[at], type, *sum);
            }
        }
    }
}

static void f32_product(const void *weights, size_t cols, size_t first, size_t last, const float *x,
                        size_t rows, float *y, size_t y_stride)
{
    const float *w = weights; /* [outputs, cols] */
    for (size_t r = 0; r < rows; r++) {
        for (size_t o = first; o < last; o++) {
            double sum = 0;
            for (size_t i = 0; i < cols; i++)
                sum += (double)w[o * cols + i] * x[r * cols + i];
            y[r * y_stride + o] = (float)sum;
        }
    }
}

static void f16_product(const void *weights, size_t cols, size_t first, size_t last, const float *x,
                        size_t rows, float *y, size_t y_stride)
{
    const uint16_t *w = weights; /* [outputs, cols] */
    for (size_t r = 0; r < rows; r++) {
        for (size_t o = first; o < last; o++) {
            double sum = 0;
            for (size_t i = 0; i < cols; i++)
                sum += (double)eng_float_of_half(w[o * cols + i]) * x[r * cols + i];
            y[r * y_stride + o] = (float)sum;
        }
    }
}

static void bf16_product(const void *weights, size_t cols, size_t first, size_t last,
                         const float *x, size_t rows, float *y, size_t y_stride)
{
    const uint16_t *w = weights; /* [outputs, cols] */
    for (size_t r = 0; r < rows; r++) {
        for (size_t o = first; o < last; o++) {
            double sum = 0;
            for (size_t i = 0; i < cols; i++)
                sum += (double)eng_float_of_bf16(w[o * cols + i]) * x[r * cols + i];
            y[r * y_stride + o] = (float)sum;
        }
    }
}

static void rmsnorm(const float *x, const float *weight, size_t n, float epsilon, float *out)
{
    double squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += (double)x[i] * x[i];
    float factor = (float)(1.0 / sqrt(squares / (double)n + epsilon));
    for (size_t i = 0; i < n; i++)
        out[i] = x[i] * factor * weight[i];
}

static void add(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] += y[i];
}

static void relu2(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float positive = x[i] > 0 ? x[i] : 0;
        x[i] = positive * positive;
    }
}

static void silu_mul(float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++)
        gate[i] = gate[i] / (1.0f + expf(-gate[i])) * up[i];
}

static void rope_halves(float *x, const float *cosine, const float *sine, size_t half)
{
    for (size_t i = 0; i < half; i++) {
        float a = x[i], b = x[half + i];
        x[i] = a * cosine[i] - b * sine[i];
        x[half + i] = a * sine[i] + b * cosine[i];
    }
}

static void scores(const float *const *q, size_t rows, size_t dim, const float *keys,
                   size_t n_blocks, float *const *out)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t p = 0; p < n_blocks * ENG_KEY_LANES; p++) {
            const float *key = keys + p / ENG_KEY_LANES * dim * ENG_KEY_LANES + p % ENG_KEY_LANES;
            float sum = 0;
            for (size_t d = 0; d < dim; d++)
                sum = fmaf(q[r][d], key[d * ENG_KEY_LANES], sum);
            out[r][p] = sum;
        }
    }
}

static float softmax(float *s, size_t n, float scale, enum eng_term term, const uint8_t *relation,
                     const float *table, float *largest)
{
    for (size_t i = 0; i < n; i++) {
        s[i] *= scale;
        if (term == ENG_TERM_ADD) s[i] += table[relation[i]];
        if (term == ENG_TERM_SCALE) s[i] *= table[relation[i]];
        if (s[i] > *largest) *largest = s[i];
    }
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        s[i] = expf(s[i] - *largest);
        if (term == ENG_TERM_GATE) s[i] *= table[relation[i]];
        sum += s[i];
    }
    return (float)sum;
}

static void widen(const uint16_t *halves, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = eng_float_of_half(halves[i]);
}

static void narrow(const float *x, size_t n, uint16_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = eng_half_of_float(x[i]);
}

static void values(const float *const *weight, size_t rows, size_t dim, const float *values,
                   size_t first, size_t last, float *const *out)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t p = first; p < last; p++)
            for (size_t d = 0; d < dim; d++)
                out[r][d] = fmaf(weight[r][p], values[p * dim + d], out[r][d]);
}

const struct eng_kernels *eng_kernels_ref(void)
{
    static const struct eng_kernels table = {
        .name = "ref",
        .lanes = 0,
        .quantize = quantize,
        .product = product,
        .f32_product = f32_product,
        .f16_product = f16_product,
        .bf16_product = bf16_product,
        .rmsnorm = rmsnorm,
        .add = add,
        .relu2 = relu2,
        .silu_mul = silu_mul,
        .rope_halves = rope_halves,
        .scores = scores,
        .softmax = softmax,
        .widen = widen,
        .narrow = narrow,
        .values = values,
    };
    return &table;
}
