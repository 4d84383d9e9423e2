/* AVX-512 (F, BW, VL, DQ), 16 lanes. Compiled three times: plain into the table
 * eng_kernels_avx512, with -mavx512vnni into eng_kernels_avx512_vnni, and once more into
 * eng_kernels_amx, which has the tiles of amx.c beside all this. Integer dot products are exact
 * in either way, so all three give the same results but for the tiles.
 *
 * Products are computed in register tiles of a few weight vectors by a few activation
 * rows. The tile's size changes how often a weight is loaded, never the order in which one
 * output is summed: that is what makes decode, with one row, agree with prefill.
 */
#include "engine/kernels/amx.h"
#include "engine/kernels/kernels.h"

#if defined(ENG_AVX512_WITH_AMX)
#define SET_NAME     "amx"
#define TABLE_OF_SET eng_kernels_amx
#elif defined(ENG_AVX512_WITH_VNNI)
#define SET_NAME     "avx512vnni"
#define TABLE_OF_SET eng_kernels_avx512_vnni
#else
#define SET_NAME     "avx512"
#define TABLE_OF_SET eng_kernels_avx512
#endif

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) &&                      \
    defined(__AVX512DQ__) && (!defined(ENG_AVX512_WITH_AMX) || defined(ENG_HAS_TILES))

#include "engine/kernels/avx512_math.h"
#include "engine/kernels/avx512_product.h"
#include "engine/kernels/half.h"

#include <math.h>
#include <string.h>

/* ---- Activations ------------------------------------------------------------------- */

static void quantize(const float *x, size_t cols, const struct eng_q8_rows *out)
{
    for (size_t b = 0; b < cols / ENG_Q8_VALUES; b++, x += ENG_Q8_VALUES) {
        int8_t *q = out->q + b * ENG_Q8_VALUES;
        __m512 low = _mm512_loadu_ps(x), high = _mm512_loadu_ps(x + LANES);
        float largest =
            _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(low), _mm512_abs_ps(high)));
        __m512 inverse = _mm512_set1_ps(largest >= ENG_Q8_SMALLEST ? 127.0f / largest : 0);
        __m512i q_low = _mm512_cvtps_epi32(_mm512_mul_ps(low, inverse));
        __m512i q_high = _mm512_cvtps_epi32(_mm512_mul_ps(high, inverse));
        _mm_storeu_si128((__m128i *)q, _mm512_cvtsepi32_epi8(q_low));
        _mm_storeu_si128((__m128i *)(q + LANES), _mm512_cvtsepi32_epi8(q_high));
        out->scale[b] = largest / 127.0f;
        out->half[b] = -128 * _mm512_reduce_add_epi32(q_low);
        out->bias[b] = out->half[b] - 128 * _mm512_reduce_add_epi32(q_high);
    }
}

/* ---- fp32, f16 and bf16 rows ------------------------------------------------------- */

/* 16 weights from element i on; tail selects those that exist. */
INLINE __m512 load_weights(const void *row, size_t i, __mmask16 tail,
                           const enum eng_tensor_type type)
{
    if (type == ENG_F32) return _mm512_maskz_loadu_ps(tail, (const float *)row + i);
    __m256i half = _mm256_maskz_loadu_epi16(tail, (const uint16_t *)row + i);
    if (type == ENG_F16) return _mm512_cvtph_ps(half);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

INLINE void dot_tile(const uint8_t *w, size_t row_bytes, size_t cols, const float *x, float *y,
                     size_t y_stride, const size_t n_outputs, const size_t n_rows,
                     const enum eng_tensor_type type)
{
    __m512 sum[4][4];
    UNROLL for (size_t o = 0; o < n_outputs; o++) UNROLL for (size_t r = 0; r < n_rows; r++)
        sum[o][r] = _mm512_setzero_ps();
    for (size_t i = 0; i < cols; i += LANES) {
        __mmask16 tail = cols - i < LANES ? (__mmask16)((1u << (cols - i)) - 1) : 0xffff;
        __m512 part[4];
        UNROLL for (size_t o = 0; o < n_outputs; o++) part[o] =
            load_weights(w + o * row_bytes, i, tail, type);
        UNROLL for (size_t r = 0; r < n_rows; r++)
        {
            __m512 value = _mm512_maskz_loadu_ps(tail, x + r * cols + i);
            UNROLL for (size_t o = 0; o < n_outputs; o++) sum[o][r] =
                _mm512_fmadd_ps(part[o], value, sum[o][r]);
        }
    }
    UNROLL for (size_t o = 0; o < n_outputs; o++) UNROLL for (size_t r = 0; r < n_rows; r++)
        y[r * y_stride + o] = _mm512_reduce_add_ps(sum[o][r]);
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
    __m512 squares = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i += LANES) {
        __m512 v = _mm512_maskz_loadu_ps(tail_of(n - i), x + i);
        squares = _mm512_fmadd_ps(v, v, squares);
    }
    float factor = 1.0f / sqrtf(_mm512_reduce_add_ps(squares) / (float)n + epsilon);
    for (size_t i = 0; i < n; i += LANES) {
        __mmask16 tail = tail_of(n - i);
        __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(tail, x + i), _mm512_set1_ps(factor));
        v = _mm512_mul_ps(v, _mm512_maskz_loadu_ps(tail, weight + i));
        _mm512_mask_storeu_ps(out + i, tail, v);
    }
}

static void add(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i += LANES) {
        __mmask16 tail = tail_of(n - i);
        _mm512_mask_storeu_ps(
            x + i, tail,
            _mm512_add_ps(_mm512_maskz_loadu_ps(tail, x + i), _mm512_maskz_loadu_ps(tail, y + i)));
    }
}

static void relu2(float *x, size_t n)
{
    for (size_t i = 0; i < n; i += LANES) {
        __mmask16 tail = tail_of(n - i);
        __m512 v = _mm512_max_ps(_mm512_maskz_loadu_ps(tail, x + i), _mm512_setzero_ps());
        _mm512_mask_storeu_ps(x + i, tail, _mm512_mul_ps(v, v));
    }
}

static void silu_mul(float *gate, const float *up, size_t n)
{
    const __m512 one = _mm512_set1_ps(1.0f);
    for (size_t i = 0; i < n; i += LANES) {
        __mmask16 tail = tail_of(n - i);
        __m512 g = _mm512_maskz_loadu_ps(tail, gate + i);
        __m512 e = exp16(_mm512_sub_ps(_mm512_setzero_ps(), g));
        __m512 v = _mm512_div_ps(g, _mm512_add_ps(one, e));
        _mm512_mask_storeu_ps(gate + i, tail,
                              _mm512_mul_ps(v, _mm512_maskz_loadu_ps(tail, up + i)));
    }
}

static void rope_halves(float *x, const float *cosine, const float *sine, size_t half)
{
    for (size_t i = 0; i < half; i += LANES) {
        __mmask16 tail = tail_of(half - i);
        __m512 a = _mm512_maskz_loadu_ps(tail, x + i);
        __m512 b = _mm512_maskz_loadu_ps(tail, x + half + i);
        __m512 c = _mm512_maskz_loadu_ps(tail, cosine + i);
        __m512 s = _mm512_maskz_loadu_ps(tail, sine + i);
        _mm512_mask_storeu_ps(x + i, tail, _mm512_sub_ps(_mm512_mul_ps(a, c), _mm512_mul_ps(b, s)));
        _mm512_mask_storeu_ps(x + half + i, tail,
                              _mm512_add_ps(_mm512_mul_ps(a, s), _mm512_mul_ps(b, c)));
    }
}

/* ---- Attention --------------------------------------------------------------------- */

INLINE void score_tile(const float *const *q, size_t dim, const float *keys, float *const *out,
                       size_t at, const size_t n_rows, const size_t n_blocks)
{
    __m512 sum[4][4];
    UNROLL for (size_t r = 0; r < n_rows; r++) UNROLL for (size_t b = 0; b < n_blocks; b++)
        sum[r][b] = _mm512_setzero_ps();
    for (size_t d = 0; d < dim; d++) {
        __m512 key[4];
        UNROLL for (size_t b = 0; b < n_blocks; b++) key[b] =
            _mm512_loadu_ps(keys + (b * dim + d) * ENG_KEY_LANES);
        UNROLL for (size_t r = 0; r < n_rows; r++)
        {
            __m512 value = _mm512_set1_ps(q[r][d]);
            UNROLL for (size_t b = 0; b < n_blocks; b++) sum[r][b] =
                _mm512_fmadd_ps(value, key[b], sum[r][b]);
        }
    }
    UNROLL for (size_t r = 0; r < n_rows; r++) UNROLL for (size_t b = 0; b < n_blocks; b++)
        _mm512_storeu_ps(out[r] + at + b * ENG_KEY_LANES, sum[r][b]);
}

static void scores(const float *const *q, size_t rows, size_t dim, const float *keys,
                   size_t n_blocks, float *const *out)
{
    for (size_t b = 0; b < n_blocks;) {
        const float *block = keys + b * dim * ENG_KEY_LANES;
        size_t step = n_blocks - b >= 4 ? 4 : 1, at = b * ENG_KEY_LANES, r = 0;
        for (; r + 4 <= rows; r += 4) {
            if (step == 4)
                score_tile(q + r, dim, block, out + r, at, 4, 4);
            else
                score_tile(q + r, dim, block, out + r, at, 4, 1);
        }
        for (; r + 2 <= rows; r += 2) {
            if (step == 4)
                score_tile(q + r, dim, block, out + r, at, 2, 4);
            else
                score_tile(q + r, dim, block, out + r, at, 2, 1);
        }
        if (r < rows) {
            if (step == 4)
                score_tile(q + r, dim, block, out + r, at, 1, 4);
            else
                score_tile(q + r, dim, block, out + r, at, 1, 1);
        }
        b += step;
    }
}

INLINE float softmax_with(float *s, size_t n, float scale, const enum eng_term term,
                          const uint8_t *relation, const float *table, float *largest_so_far)
{
    __m512 terms = term == ENG_TERM_NONE ? _mm512_setzero_ps() : _mm512_loadu_ps(table);
    __m512 largest = _mm512_set1_ps(*largest_so_far), sum = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i += LANES) {
        __mmask16 tail = tail_of(n - i);
        __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(tail, s + i), _mm512_set1_ps(scale));
        if (term == ENG_TERM_ADD) v = _mm512_add_ps(v, look_up(relation + i, tail, terms));
        if (term == ENG_TERM_SCALE) v = _mm512_mul_ps(v, look_up(relation + i, tail, terms));
        largest = _mm512_mask_max_ps(largest, tail, largest, v);
        _mm512_mask_storeu_ps(s + i, tail, v);
    }
    *largest_so_far = _mm512_reduce_max_ps(largest);
    __m512 shift = _mm512_set1_ps(*largest_so_far);
    for (size_t i = 0; i < n; i += LANES) {
        __mmask16 tail = tail_of(n - i);
        __m512 v = exp16(_mm512_sub_ps(_mm512_maskz_loadu_ps(tail, s + i), shift));
        if (term == ENG_TERM_GATE) v = _mm512_mul_ps(v, look_up(relation + i, tail, terms));
        sum = _mm512_mask_add_ps(sum, tail, sum, v);
        _mm512_mask_storeu_ps(s + i, tail, v);
    }
    return _mm512_reduce_add_ps(sum);
}

static float softmax(float *s, size_t n, float scale, enum eng_term term, const uint8_t *relation,
                     const float *table, float *largest)
{
    switch (term) {
    case ENG_TERM_ADD:
        return softmax_with(s, n, scale, ENG_TERM_ADD, relation, table, largest);
    case ENG_TERM_SCALE:
        return softmax_with(s, n, scale, ENG_TERM_SCALE, relation, table, largest);
    case ENG_TERM_GATE:
        return softmax_with(s, n, scale, ENG_TERM_GATE, relation, table, largest);
    case ENG_TERM_NONE:
        break;
    }
    return softmax_with(s, n, scale, ENG_TERM_NONE, relation, table, largest);
}

INLINE void value_tile(const float *const *weight, size_t dim, const float *values, size_t first,
                       size_t last, float *const *out, size_t d, __mmask16 keep,
                       const size_t n_rows, const size_t n_vectors)
{
    __m512 sum[4][4];
    UNROLL for (size_t r = 0; r < n_rows; r++) UNROLL for (size_t v = 0; v < n_vectors; v++)
        sum[r][v] = _mm512_maskz_loadu_ps(keep, out[r] + d + v * LANES);
    for (size_t p = first; p < last; p++) {
        __m512 value[4];
        UNROLL for (size_t v = 0; v < n_vectors; v++) value[v] =
            _mm512_maskz_loadu_ps(keep, values + p * dim + d + v * LANES);
        UNROLL for (size_t r = 0; r < n_rows; r++)
        {
            __m512 w = _mm512_set1_ps(weight[r][p]);
            UNROLL for (size_t v = 0; v < n_vectors; v++) sum[r][v] =
                _mm512_fmadd_ps(w, value[v], sum[r][v]);
        }
    }
    UNROLL for (size_t r = 0; r < n_rows; r++) UNROLL for (size_t v = 0; v < n_vectors; v++)
        _mm512_mask_storeu_ps(out[r] + d + v * LANES, keep, sum[r][v]);
}

static void values(const float *const *weight, size_t rows, size_t dim, const float *values,
                   size_t first, size_t last, float *const *out)
{
    for (size_t d = 0; d < dim;) {
        size_t step = dim - d >= 4 * LANES ? 4 * LANES : LANES, r = 0;
        __mmask16 keep = tail_of(dim - d);
        for (; r + 4 <= rows; r += 4) {
            if (step > LANES)
                value_tile(weight + r, dim, values, first, last, out + r, d, 0xffff, 4, 4);
            else
                value_tile(weight + r, dim, values, first, last, out + r, d, keep, 4, 1);
        }
        for (; r < rows; r++) {
            if (step > LANES)
                value_tile(weight + r, dim, values, first, last, out + r, d, 0xffff, 1, 4);
            else
                value_tile(weight + r, dim, values, first, last, out + r, d, keep, 1, 1);
        }
        d += step;
    }
}

static void widen(const uint16_t *halves, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += LANES) {
        __mmask16 tail = tail_of(n - i);
        _mm512_mask_storeu_ps(out + i, tail,
                              _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(tail, halves + i)));
    }
}

static void narrow(const float *x, size_t n, uint16_t *out)
{
    const __m512 most = _mm512_set1_ps(ENG_HALF_MAX), least = _mm512_set1_ps(-ENG_HALF_MAX);
    for (size_t i = 0; i < n; i += LANES) {
        __mmask16 tail = tail_of(n - i);
        __m512 v = _mm512_maskz_loadu_ps(tail, x + i);
        v = _mm512_max_ps(least, _mm512_min_ps(most, v)); /* what is no number stays none */
        _mm256_mask_storeu_epi16(out + i, tail, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
    }
}

static const struct eng_kernels *table_of_set(void)
{
    static const struct eng_kernels table = {
        .name = SET_NAME,
        .lanes = LANES,
        .flip = 0x80,
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
#ifdef ENG_AVX512_WITH_AMX
        .tile_weights = eng_amx_tile_weights,
        .tile_row = eng_amx_tile_row,
        .tile_product = eng_amx_tile_product,
        .cache_bytes = eng_amx_cache_bytes,
        .store = eng_amx_store,
        .bounds_bytes = eng_amx_bounds_bytes,
        .bound = eng_amx_bound,
        .attend_scratch = eng_amx_attend_scratch,
        .attend = eng_amx_attend,
#endif
    };
    return &table;
}

#else

static const struct eng_kernels *table_of_set(void)
{
    return NULL;
}

#endif

const struct eng_kernels *TABLE_OF_SET(void)
{
    return table_of_set();
}
