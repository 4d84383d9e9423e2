/* NEON for arm64, 4 lanes of fp32. Compiled three times: plain, for any such processor, into the
 * table eng_kernels_neon; with the dot-product extension into eng_kernels_neon_dotprod; with the
 * matrix extension as well into eng_kernels_neon_i8mm. See avx512.c for the shape that all vector
 * sets share: register tiles change how often a weight is loaded, never the order in which one
 * output is summed.
 */
#include "engine/kernels/half.h"
#include "engine/kernels/kernels.h"

#if defined(ENG_NEON_WITH_I8MM)
#define SET_NAME     "neoni8mm"
#define TABLE_OF_SET eng_kernels_neon_i8mm
#elif defined(ENG_NEON_WITH_DOTPROD)
#define SET_NAME     "neondotprod"
#define TABLE_OF_SET eng_kernels_neon_dotprod
#else
#define SET_NAME     "neon"
#define TABLE_OF_SET eng_kernels_neon
#endif

#if defined(__aarch64__)

#include <arm_neon.h>
#include <math.h>
#include <string.h>

#define LANES  4u
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* ---- Lanes ------------------------------------------------------------------------- */

/* The first left values, zeros behind them. */
INLINE float32x4_t load(const float *x, size_t left)
{
    if (left >= LANES) return vld1q_f32(x);
    float some[LANES] = {0};
    memcpy(some, x, left * sizeof *x);
    return vld1q_f32(some);
}

INLINE void store(float *x, size_t left, float32x4_t value)
{
    if (left >= LANES) {
        vst1q_f32(x, value);
        return;
    }
    float some[LANES];
    vst1q_f32(some, value);
    memcpy(x, some, left * sizeof *x);
}

INLINE float sum_of(float32x4_t v)
{
    float32x2_t two = vadd_f32(vget_low_f32(v), vget_high_f32(v));
    return vget_lane_f32(vpadd_f32(two, two), 0);
}

#include "engine/kernels/neon_product.h"

/* ---- Activations ------------------------------------------------------------------- */

static void quantize(const float *x, size_t cols, const struct eng_q8_rows *out)
{
    for (size_t b = 0; b < cols / ENG_Q8_VALUES; b++, x += ENG_Q8_VALUES) {
        int8_t *q = out->q + b * ENG_Q8_VALUES;
        float32x4_t largest_of_lane = vdupq_n_f32(0);
        for (size_t i = 0; i < ENG_Q8_VALUES; i += LANES)
            largest_of_lane = vmaxnmq_f32(largest_of_lane, vabsq_f32(vld1q_f32(x + i)));
        float largest = vmaxnmvq_f32(largest_of_lane);
        float inverse = largest >= ENG_Q8_SMALLEST ? 127.0f / largest : 0;
        for (size_t i = 0; i < ENG_Q8_VALUES; i += 8) {
            int32x4_t low = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i), inverse));
            int32x4_t high = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i + LANES), inverse));
            vst1_s8(q + i, vqmovn_s16(vcombine_s16(vqmovn_s32(low), vqmovn_s32(high))));
        }
        out->scale[b] = largest / 127.0f;
        out->half[b] = -128 * vaddlvq_s8(vld1q_s8(q));
        out->bias[b] = out->half[b] - 128 * vaddlvq_s8(vld1q_s8(q + 16));
    }
}

/* ---- fp32, f16 and bf16 rows ------------------------------------------------------- */

INLINE float32x4_t load_weights(const void *row, size_t i, size_t left,
                                const enum eng_tensor_type type)
{
    if (type == ENG_F32) return load((const float *)row + i, left);
    uint16_t some[LANES] = {0};
    memcpy(some, (const uint16_t *)row + i, (left < LANES ? left : LANES) * sizeof some[0]);
    uint16x4_t half = vld1_u16(some);
    if (type == ENG_F16) return vcvt_f32_f16(vreinterpret_f16_u16(half));
    return vreinterpretq_f32_u32(vshll_n_u16(half, 16));
}

INLINE void dot_tile(const uint8_t *w, size_t row_bytes, size_t cols, const float *x, float *y,
                     size_t y_stride, const size_t n_outputs, const size_t n_rows,
                     const enum eng_tensor_type type)
{
    float32x4_t sum[4][4];
    UNROLL for (size_t o = 0; o < n_outputs; o++) UNROLL for (size_t r = 0; r < n_rows; r++)
        sum[o][r] = vdupq_n_f32(0);
    for (size_t i = 0; i < cols; i += LANES) {
        float32x4_t part[4];
        UNROLL for (size_t o = 0; o < n_outputs; o++) part[o] =
            load_weights(w + o * row_bytes, i, cols - i, type);
        UNROLL for (size_t r = 0; r < n_rows; r++)
        {
            float32x4_t value = load(x + r * cols + i, cols - i);
            UNROLL for (size_t o = 0; o < n_outputs; o++) sum[o][r] =
                vfmaq_f32(sum[o][r], part[o], value);
        }
    }
    UNROLL for (size_t o = 0; o < n_outputs; o++) UNROLL for (size_t r = 0; r < n_rows; r++)
        y[r * y_stride + o] = sum_of(sum[o][r]);
}

INLINE void dot_rows(const void *weights, size_t cols, size_t first, size_t last, const float *x,
                     size_t rows, float *y, size_t y_stride, const enum eng_tensor_type type)
{
    size_t row_bytes = cols * (type == ENG_F32 ? sizeof(float) : sizeof(uint16_t));
    for (size_t o = first; o < last;) {
        const uint8_t *w = (const uint8_t *)weights + o * row_bytes;
        size_t step = last - o >= 4 ? 4 : 1, r = 0;
        for (; r + 4 <= rows; r += 4) {
            float *out = y + r * y_stride + o;
            if (step == 4)
                dot_tile(w, row_bytes, cols, x + r * cols, out, y_stride, 4, 4, type);
            else
                dot_tile(w, row_bytes, cols, x + r * cols, out, y_stride, 1, 4, type);
        }
        for (; r < rows; r++) {
            float *out = y + r * y_stride + o;
            if (step == 4)
                dot_tile(w, row_bytes, cols, x + r * cols, out, y_stride, 4, 1, type);
            else
                dot_tile(w, row_bytes, cols, x + r * cols, out, y_stride, 1, 1, type);
        }
        o += step;
    }
}

static void f32_product(const void *weights, size_t cols, size_t first, size_t last, const float *x,
                        size_t rows, float *y, size_t y_stride)
{
    dot_rows(weights, cols, first, last, x, rows, y, y_stride, ENG_F32);
}

static void f16_product(const void *weights, size_t cols, size_t first, size_t last, const float *x,
                        size_t rows, float *y, size_t y_stride)
{
    dot_rows(weights, cols, first, last, x, rows, y, y_stride, ENG_F16);
}

static void bf16_product(const void *weights, size_t cols, size_t first, size_t last,
                         const float *x, size_t rows, float *y, size_t y_stride)
{
    dot_rows(weights, cols, first, last, x, rows, y, y_stride, ENG_BF16);
}

/* ---- Elementwise ------------------------------------------------------------------- */

static void rmsnorm(const float *x, const float *weight, size_t n, float epsilon, float *out)
{
    float32x4_t squares = vdupq_n_f32(0);
    for (size_t i = 0; i < n; i += LANES) {
        float32x4_t v = load(x + i, n - i);
        squares = vfmaq_f32(squares, v, v);
    }
    float factor = 1.0f / sqrtf(sum_of(squares) / (float)n + epsilon);
    for (size_t i = 0; i < n; i += LANES) {
        float32x4_t v = vmulq_n_f32(load(x + i, n - i), factor);
        store(out + i, n - i, vmulq_f32(v, load(weight + i, n - i)));
    }
}

static void add(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i += LANES)
        store(x + i, n - i, vaddq_f32(load(x + i, n - i), load(y + i, n - i)));
}

static void relu2(float *x, size_t n)
{
    for (size_t i = 0; i < n; i += LANES) {
        float32x4_t v = vmaxq_f32(load(x + i, n - i), vdupq_n_f32(0));
        store(x + i, n - i, vmulq_f32(v, v));
    }
}

/* e^x to 2 ulp; 0 below -80, so that no product with it is subnormal. */
INLINE float32x4_t exp4(float32x4_t x)
{
    uint32x4_t normal = vcgeq_f32(x, vdupq_n_f32(-80.0f));
    x = vmaxq_f32(vminq_f32(x, vdupq_n_f32(88.0f)), vdupq_n_f32(-80.0f));
    float32x4_t n = vrndnq_f32(vmulq_n_f32(x, 1.44269504f));
    float32x4_t f = vfmsq_f32(x, n, vdupq_n_f32(0.693359375f));
    f = vfmsq_f32(f, n, vdupq_n_f32(-2.12194440e-4f));
    float32x4_t p = vdupq_n_f32(1.0f / 720);
    p = vfmaq_f32(vdupq_n_f32(1.0f / 120), p, f);
    p = vfmaq_f32(vdupq_n_f32(1.0f / 24), p, f);
    p = vfmaq_f32(vdupq_n_f32(1.0f / 6), p, f);
    p = vfmaq_f32(vdupq_n_f32(0.5f), p, f);
    p = vfmaq_f32(vdupq_n_f32(1.0f), p, f);
    p = vfmaq_f32(vdupq_n_f32(1.0f), p, f);
    int32x4_t exponent = vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127));
    p = vmulq_f32(p, vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23)));
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(p), normal));
}

static void silu_mul(float *gate, const float *up, size_t n)
{
    const float32x4_t one = vdupq_n_f32(1.0f);
    for (size_t i = 0; i < n; i += LANES) {
        float32x4_t g = load(gate + i, n - i);
        float32x4_t v = vdivq_f32(g, vaddq_f32(one, exp4(vnegq_f32(g))));
        store(gate + i, n - i, vmulq_f32(v, load(up + i, n - i)));
    }
}

static void rope_halves(float *x, const float *cosine, const float *sine, size_t half)
{
    for (size_t i = 0; i < half; i += LANES) {
        size_t left = half - i;
        float32x4_t a = load(x + i, left), b = load(x + half + i, left);
        float32x4_t c = load(cosine + i, left), s = load(sine + i, left);
        store(x + i, left, vsubq_f32(vmulq_f32(a, c), vmulq_f32(b, s)));
        store(x + half + i, left, vaddq_f32(vmulq_f32(a, s), vmulq_f32(b, c)));
    }
}

/* ---- Attention --------------------------------------------------------------------- */

/* One block of 16 keys is four vectors. */
INLINE void score_tile(const float *const *q, size_t dim, const float *keys, float *const *out,
                       size_t at, const size_t n_rows)
{
    float32x4_t sum[4][4];
    UNROLL for (size_t r = 0; r < n_rows; r++) UNROLL for (size_t v = 0; v < 4; v++) sum[r][v] =
        vdupq_n_f32(0);
    for (size_t d = 0; d < dim; d++) {
        float32x4_t key[4];
        UNROLL for (size_t v = 0; v < 4; v++) key[v] =
            vld1q_f32(keys + d * ENG_KEY_LANES + v * LANES);
        UNROLL for (size_t r = 0; r < n_rows; r++) UNROLL for (size_t v = 0; v < 4; v++) sum[r][v] =
            vfmaq_n_f32(sum[r][v], key[v], q[r][d]);
    }
    UNROLL for (size_t r = 0; r < n_rows; r++) UNROLL for (size_t v = 0; v < 4; v++)
        vst1q_f32(out[r] + at + v * LANES, sum[r][v]);
}

static void scores(const float *const *q, size_t rows, size_t dim, const float *keys,
                   size_t n_blocks, float *const *out)
{
    for (size_t b = 0; b < n_blocks; b++) {
        const float *block = keys + b * dim * ENG_KEY_LANES;
        size_t at = b * ENG_KEY_LANES, r = 0;
        for (; r + 4 <= rows; r += 4)
            score_tile(q + r, dim, block, out + r, at, 4);
        for (; r + 2 <= rows; r += 2)
            score_tile(q + r, dim, block, out + r, at, 2);
        if (r < rows) score_tile(q + r, dim, block, out + r, at, 1);
    }
}

/* table[relation[i]] for up to 4 relations. */
INLINE float32x4_t look_up(const uint8_t *relation, size_t left, const float *table)
{
    float some[LANES] = {0};
    for (size_t i = 0; i < LANES && i < left; i++)
        some[i] = table[relation[i]];
    return vld1q_f32(some);
}

static float softmax(float *s, size_t n, float scale, enum eng_term term, const uint8_t *relation,
                     const float *table, float *largest)
{
    float32x4_t largest_of_lane = vdupq_n_f32(*largest), sum = vdupq_n_f32(0);
    for (size_t i = 0; i < n; i += LANES) {
        size_t left = n - i;
        float32x4_t v = vmulq_n_f32(load(s + i, left), scale);
        if (term == ENG_TERM_ADD) v = vaddq_f32(v, look_up(relation + i, left, table));
        if (term == ENG_TERM_SCALE) v = vmulq_f32(v, look_up(relation + i, left, table));
        store(s + i, left, v);
        if (left >= LANES) largest_of_lane = vmaxnmq_f32(largest_of_lane, v);
        for (size_t j = i; j < n && left < LANES; j++)
            if (s[j] > *largest) *largest = s[j];
    }
    *largest = fmaxf(*largest, vmaxnmvq_f32(largest_of_lane));
    for (size_t i = 0; i < n; i += LANES) {
        size_t left = n - i;
        float32x4_t v = exp4(vsubq_f32(load(s + i, left), vdupq_n_f32(*largest)));
        if (term == ENG_TERM_GATE) v = vmulq_f32(v, look_up(relation + i, left, table));
        store(s + i, left, v);
        sum = vaddq_f32(sum, left >= LANES ? v : load(s + i, left)); /* nothing past the end */
    }
    return sum_of(sum);
}

INLINE void value_tile(const float *const *weight, size_t dim, const float *values, size_t first,
                       size_t last, float *const *out, size_t d, size_t left, const size_t n_rows,
                       const size_t n_vectors)
{
    float32x4_t sum[4][4];
    UNROLL for (size_t r = 0; r < n_rows; r++) UNROLL for (size_t v = 0; v < n_vectors; v++)
        sum[r][v] = load(out[r] + d + v * LANES, left - v * LANES);
    for (size_t p = first; p < last; p++) {
        UNROLL for (size_t v = 0; v < n_vectors; v++)
        {
            float32x4_t value = load(values + p * dim + d + v * LANES, left - v * LANES);
            UNROLL for (size_t r = 0; r < n_rows; r++) sum[r][v] =
                vfmaq_n_f32(sum[r][v], value, weight[r][p]);
        }
    }
    UNROLL for (size_t r = 0; r < n_rows; r++) UNROLL for (size_t v = 0; v < n_vectors; v++)
        store(out[r] + d + v * LANES, left - v * LANES, sum[r][v]);
}

static void values(const float *const *weight, size_t rows, size_t dim, const float *values,
                   size_t first, size_t last, float *const *out)
{
    for (size_t d = 0; d < dim;) {
        size_t left = dim - d, step = left >= 4 * LANES ? 4 * LANES : LANES, r = 0;
        for (; r + 4 <= rows; r += 4) {
            if (step > LANES)
                value_tile(weight + r, dim, values, first, last, out + r, d, step, 4, 4);
            else
                value_tile(weight + r, dim, values, first, last, out + r, d, left, 4, 1);
        }
        for (; r < rows; r++) {
            if (step > LANES)
                value_tile(weight + r, dim, values, first, last, out + r, d, step, 1, 4);
            else
                value_tile(weight + r, dim, values, first, last, out + r, d, left, 1, 1);
        }
        d += step;
    }
}

static void widen(const uint16_t *halves, size_t n, float *out)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        vst1q_f32(out + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves + i))));
    for (; i < n; i++)
        out[i] = eng_float_of_half(halves[i]);
}

static void narrow(const float *x, size_t n, uint16_t *out)
{
    const float32x4_t most = vdupq_n_f32(ENG_HALF_MAX), least = vdupq_n_f32(-ENG_HALF_MAX);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        float32x4_t v = vmaxq_f32(least, vminq_f32(most, vld1q_f32(x + i)));
        vst1_u16(out + i, vreinterpret_u16_f16(vcvt_f16_f32(v)));
    }
    for (; i < n; i++)
        out[i] = eng_half_of_float(x[i]);
}

const struct eng_kernels *TABLE_OF_SET(void)
{
    static const struct eng_kernels table = {
        .name = SET_NAME,
        .lanes = LANES,
        .flip = 0,
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

#else

const struct eng_kernels *TABLE_OF_SET(void)
{
    return NULL;
}

#endif
