/* AVX2 with FMA and F16C, 8 lanes: the set of most desktop processors. Compiled twice: plain into
 * the table eng_kernels_avx2, and with -mavxvnni into eng_kernels_avxvnni, for processors of the
 * last years. See avx512.c for the shape that all share: register tiles change how often a weight
 * is loaded, never the order in which one output is summed.
 */
#include "engine/kernels/half.h"
#include "engine/kernels/kernels.h"

#ifdef ENG_AVX2_WITH_VNNI
#define SET_NAME     "avxvnni"
#define TABLE_OF_SET eng_kernels_avxvnni
#define FLIP         0x80 /* weights are unsigned, activations signed: as VNNI multiplies */
#else
#define SET_NAME     "avx2"
#define TABLE_OF_SET eng_kernels_avx2
#define FLIP         0
#endif

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include <immintrin.h>
#include <math.h>
#include <string.h>

#define LANES  8u
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* ---- Lanes ------------------------------------------------------------------------- */

/* Mask of the first `left` lanes. */
INLINE __m256i mask_of(size_t left)
{
    const __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(left < LANES ? (int)left : (int)LANES), numbers);
}

INLINE __m256 load(const float *x, size_t left)
{
    return left >= LANES ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, mask_of(left));
}

INLINE void store(float *x, size_t left, __m256 value)
{
    if (left >= LANES)
        _mm256_storeu_ps(x, value);
    else
        _mm256_maskstore_ps(x, mask_of(left), value);
}

INLINE float sum_of(__m256 v)
{
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

INLINE float max_of(__m256 v)
{
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
}

INLINE __m256 absolute(__m256 v)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v);
}

#include "engine/kernels/avx2_product.h"

/* ---- Activations ------------------------------------------------------------------- */

static void quantize(const float *x, size_t cols, const struct eng_q8_rows *out)
{
    for (size_t b = 0; b < cols / ENG_Q8_VALUES; b++, x += ENG_Q8_VALUES) {
        __m256 largest_of_lane = _mm256_setzero_ps();
        for (size_t i = 0; i < 4; i++)
            largest_of_lane =
                _mm256_max_ps(largest_of_lane, absolute(_mm256_loadu_ps(x + i * LANES)));
        float largest = max_of(largest_of_lane);
        __m256 inverse = _mm256_set1_ps(largest >= ENG_Q8_SMALLEST ? 127.0f / largest : 0);
        __m256i part[4];
        UNROLL for (size_t i = 0; i < 4; i++) part[i] =
            _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + i * LANES), inverse));
        /* Packing works in halves of a register; the permutation restores the order. */
        __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(part[0], part[1]),
                                           _mm256_packs_epi32(part[2], part[3]));
        bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
        _mm256_storeu_si256((__m256i *)(out->q + b * ENG_Q8_VALUES), bytes);
        /* Sums of eight bytes each, 128 added to every byte. */
        __m256i sums = _mm256_sad_epu8(_mm256_xor_si256(bytes, _mm256_set1_epi8((char)0x80)),
                                       _mm256_setzero_si256());
        int first = _mm256_extract_epi16(sums, 0) + _mm256_extract_epi16(sums, 4);
        int second = _mm256_extract_epi16(sums, 8) + _mm256_extract_epi16(sums, 12);
        out->scale[b] = largest / 127.0f;
        out->half[b] = -128 * (first - 16 * 128);
        out->bias[b] = out->half[b] - 128 * (second - 16 * 128);
    }
}

/* ---- fp32, f16 and bf16 rows ------------------------------------------------------- */

INLINE __m256 load_weights(const void *row, size_t i, size_t left, const enum eng_tensor_type type)
{
    if (type == ENG_F32) return load((const float *)row + i, left);
    __m128i half;
    if (left >= LANES) {
        half = _mm_loadu_si128((const __m128i *)((const uint16_t *)row + i));
    } else {
        uint16_t some[LANES] = {0};
        memcpy(some, (const uint16_t *)row + i, left * sizeof some[0]);
        half = _mm_loadu_si128((const __m128i *)some);
    }
    if (type == ENG_F16) return _mm256_cvtph_ps(half);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

INLINE void dot_tile(const uint8_t *w, size_t row_bytes, size_t cols, const float *x, float *y,
                     size_t y_stride, const size_t n_outputs, const size_t n_rows,
                     const enum eng_tensor_type type)
{
    __m256 sum[4][2];
    UNROLL for (size_t o = 0; o < n_outputs; o++) UNROLL for (size_t r = 0; r < n_rows; r++)
        sum[o][r] = _mm256_setzero_ps();
    for (size_t i = 0; i < cols; i += LANES) {
        __m256 part[4];
        UNROLL for (size_t o = 0; o < n_outputs; o++) part[o] =
            load_weights(w + o * row_bytes, i, cols - i, type);
        UNROLL for (size_t r = 0; r < n_rows; r++)
        {
            __m256 value = load(x + r * cols + i, cols - i);
            UNROLL for (size_t o = 0; o < n_outputs; o++) sum[o][r] =
                _mm256_fmadd_ps(part[o], value, sum[o][r]);
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
        for (; r + 2 <= rows; r += 2) {
            float *out = y + r * y_stride + o;
            if (step == 4)
                dot_tile(w, row_bytes, cols, x + r * cols, out, y_stride, 4, 2, type);
            else
                dot_tile(w, row_bytes, cols, x + r * cols, out, y_stride, 1, 2, type);
        }
        if (r < rows) {
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
    __m256 squares = _mm256_setzero_ps();
    for (size_t i = 0; i < n; i += LANES) {
        __m256 v = load(x + i, n - i);
        squares = _mm256_fmadd_ps(v, v, squares);
    }
    float factor = 1.0f / sqrtf(sum_of(squares) / (float)n + epsilon);
    for (size_t i = 0; i < n; i += LANES) {
        __m256 v = _mm256_mul_ps(load(x + i, n - i), _mm256_set1_ps(factor));
        store(out + i, n - i, _mm256_mul_ps(v, load(weight + i, n - i)));
    }
}

static void add(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i += LANES)
        store(x + i, n - i, _mm256_add_ps(load(x + i, n - i), load(y + i, n - i)));
}

static void relu2(float *x, size_t n)
{
    for (size_t i = 0; i < n; i += LANES) {
        __m256 v = _mm256_max_ps(load(x + i, n - i), _mm256_setzero_ps());
        store(x + i, n - i, _mm256_mul_ps(v, v));
    }
}

/* e^x to 2 ulp; 0 below -80, so that no product with it is subnormal. */
INLINE __m256 exp8(__m256 x)
{
    __m256 normal = _mm256_cmp_ps(x, _mm256_set1_ps(-80.0f), _CMP_GE_OQ);
    x = _mm256_max_ps(_mm256_min_ps(x, _mm256_set1_ps(88.0f)), _mm256_set1_ps(-80.0f));
    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)),
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 f = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    f = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), f);
    __m256 p = _mm256_set1_ps(1.0f / 720);
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(1.0f / 120));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(1.0f / 24));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(1.0f / 6));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.5f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(1.0f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(1.0f));
    __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    p = _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
    return _mm256_and_ps(p, normal);
}

static void silu_mul(float *gate, const float *up, size_t n)
{
    const __m256 one = _mm256_set1_ps(1.0f);
    for (size_t i = 0; i < n; i += LANES) {
        __m256 g = load(gate + i, n - i);
        __m256 e = exp8(_mm256_sub_ps(_mm256_setzero_ps(), g));
        __m256 v = _mm256_div_ps(g, _mm256_add_ps(one, e));
        store(gate + i, n - i, _mm256_mul_ps(v, load(up + i, n - i)));
    }
}

static void rope_halves(float *x, const float *cosine, const float *sine, size_t half)
{
    for (size_t i = 0; i < half; i += LANES) {
        size_t left = half - i;
        __m256 a = load(x + i, left), b = load(x + half + i, left);
        __m256 c = load(cosine + i, left), s = load(sine + i, left);
        store(x + i, left, _mm256_sub_ps(_mm256_mul_ps(a, c), _mm256_mul_ps(b, s)));
        store(x + half + i, left, _mm256_add_ps(_mm256_mul_ps(a, s), _mm256_mul_ps(b, c)));
    }
}

/* ---- Attention --------------------------------------------------------------------- */

/* One block of 16 keys is two vectors. */
INLINE void score_tile(const float *const *q, size_t dim, const float *keys, float *const *out,
                       size_t at, const size_t n_rows)
{
    __m256 sum[4][2];
    UNROLL for (size_t r = 0; r < n_rows; r++) sum[r][0] = sum[r][1] = _mm256_setzero_ps();
    for (size_t d = 0; d < dim; d++) {
        __m256 low = _mm256_loadu_ps(keys + d * ENG_KEY_LANES);
        __m256 high = _mm256_loadu_ps(keys + d * ENG_KEY_LANES + LANES);
        UNROLL for (size_t r = 0; r < n_rows; r++)
        {
            __m256 value = _mm256_set1_ps(q[r][d]);
            sum[r][0] = _mm256_fmadd_ps(value, low, sum[r][0]);
            sum[r][1] = _mm256_fmadd_ps(value, high, sum[r][1]);
        }
    }
    UNROLL for (size_t r = 0; r < n_rows; r++)
    {
        _mm256_storeu_ps(out[r] + at, sum[r][0]);
        _mm256_storeu_ps(out[r] + at + LANES, sum[r][1]);
    }
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

/* table[relation[i]] for 8 relations, of which left exist. A permutation reaches 8 entries,
 * so both halves of the table are looked up. */
INLINE __m256 look_up(const uint8_t *relation, size_t left, __m256 low, __m256 high)
{
    uint64_t bytes = 0;
    memcpy(&bytes, relation, left < LANES ? left : LANES);
    __m256i index = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)bytes));
    __m256 upper = _mm256_castsi256_ps(_mm256_cmpgt_epi32(index, _mm256_set1_epi32(7)));
    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, index),
                            _mm256_permutevar8x32_ps(high, index), upper);
}

static float softmax(float *s, size_t n, float scale, enum eng_term term, const uint8_t *relation,
                     const float *table, float *largest_so_far)
{
    __m256 low = _mm256_setzero_ps(), high = low, sum = low;
    __m256 largest = _mm256_set1_ps(*largest_so_far);
    if (term != ENG_TERM_NONE) {
        low = _mm256_loadu_ps(table);
        high = _mm256_loadu_ps(table + LANES);
    }
    for (size_t i = 0; i < n; i += LANES) {
        size_t left = n - i;
        __m256 v = _mm256_mul_ps(load(s + i, left), _mm256_set1_ps(scale));
        if (term == ENG_TERM_ADD) v = _mm256_add_ps(v, look_up(relation + i, left, low, high));
        if (term == ENG_TERM_SCALE) v = _mm256_mul_ps(v, look_up(relation + i, left, low, high));
        store(s + i, left, v);
        if (left < LANES)
            v = _mm256_blendv_ps(_mm256_set1_ps(-INFINITY), v, _mm256_castsi256_ps(mask_of(left)));
        largest = _mm256_max_ps(largest, v);
    }
    *largest_so_far = max_of(largest);
    __m256 shift = _mm256_set1_ps(*largest_so_far);
    for (size_t i = 0; i < n; i += LANES) {
        size_t left = n - i;
        __m256 v = exp8(_mm256_sub_ps(load(s + i, left), shift));
        if (term == ENG_TERM_GATE) v = _mm256_mul_ps(v, look_up(relation + i, left, low, high));
        store(s + i, left, v);
        if (left < LANES) v = _mm256_and_ps(v, _mm256_castsi256_ps(mask_of(left)));
        sum = _mm256_add_ps(sum, v);
    }
    return sum_of(sum);
}

INLINE void value_tile(const float *const *weight, size_t dim, const float *values, size_t first,
                       size_t last, float *const *out, size_t d, size_t left, const size_t n_rows,
                       const size_t n_vectors)
{
    __m256 sum[2][4];
    UNROLL for (size_t r = 0; r < n_rows; r++) UNROLL for (size_t v = 0; v < n_vectors; v++)
        sum[r][v] = load(out[r] + d + v * LANES, left - v * LANES);
    for (size_t p = first; p < last; p++) {
        UNROLL for (size_t v = 0; v < n_vectors; v++)
        {
            __m256 value = load(values + p * dim + d + v * LANES, left - v * LANES);
            UNROLL for (size_t r = 0; r < n_rows; r++) sum[r][v] =
                _mm256_fmadd_ps(_mm256_set1_ps(weight[r][p]), value, sum[r][v]);
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
        for (; r + 2 <= rows; r += 2) {
            if (step > LANES)
                value_tile(weight + r, dim, values, first, last, out + r, d, step, 2, 4);
            else
                value_tile(weight + r, dim, values, first, last, out + r, d, left, 2, 1);
        }
        if (r < rows) {
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
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(halves + i))));
    for (; i < n; i++)
        out[i] = eng_float_of_half(halves[i]);
}

static void narrow(const float *x, size_t n, uint16_t *out)
{
    const __m256 most = _mm256_set1_ps(ENG_HALF_MAX), least = _mm256_set1_ps(-ENG_HALF_MAX);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m256 v = _mm256_loadu_ps(x + i);
        v = _mm256_max_ps(least, _mm256_min_ps(most, v)); /* what is no number stays none */
        _mm_storeu_si128((__m128i *)(out + i), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
    }
    for (; i < n; i++)
        out[i] = eng_half_of_float(x[i]);
}

const struct eng_kernels *TABLE_OF_SET(void)
{
    static const struct eng_kernels table = {
        .name = SET_NAME,
        .lanes = LANES,
        .flip = FLIP,
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
