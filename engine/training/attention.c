/* attention.c: softmax over scores with a bias by relation, and its gradient, for training
 * on a CPU.
 *
 * PyTorch does the matrix products; what lies between them is here, because only a loop that
 * knows the mask can leave out the half of all pairs that causality hides, and only one that
 * reads the relation itself needs no bias laid out over all pairs. model.py compiles this
 * file for the machine at hand; the loops are written for the compiler to vectorise. Scores
 * and weights are bf16 (the upper 16 bits of a float).
 *
 *   relations [rows, T, T]          12 (hidden) where j may not be seen
 *   scores    [rows, heads, T, T]   q k^T in, weights out
 *   table     [heads, 16]           the bias of each relation
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RELATIONS  16
#define LENGTH_MAX 4096

static inline float widen(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static inline uint16_t narrow(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

/* e^x for x <= 0; relative error about 2e-6, 0 below -80. */
static inline float exponential(float x)
{
    float y = x < -80.0f ? -80.0f : x;
    float n = __builtin_floorf(y * 1.44269504f + 0.5f);
    float r = y - n * 0.693147180f;
    float p =
        1.0f + r * (1.0f + r * (0.5f + r * (0.16666667f + r * (0.041666667f + r * 0.0083333333f))));
    int32_t bits = ((int32_t)n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return x < -80.0f ? 0.0f : p * power;
}

static void softmax_row(uint16_t *s, const uint8_t *relation, const float *table, size_t n,
                        float scale)
{
    float x[LENGTH_MAX], top = -INFINITY, sum = 0;
    for (size_t j = 0; j < n; j++) {
        x[j] = widen(s[j]) * scale + table[relation[j]];
        top = x[j] > top ? x[j] : top;
    }
    for (size_t j = 0; j < n; j++) {
        x[j] = exponential(x[j] - top);
        sum += x[j];
    }
    float inverse = 1 / sum;
    for (size_t j = 0; j < n; j++)
        s[j] = narrow(x[j] * inverse);
}

void attention_softmax(const uint8_t *relations, const float *table, size_t rows, size_t heads,
                       size_t length, float scale, uint16_t *scores)
{
    for (size_t row = 0; row < rows; row++)
        for (size_t head = 0; head < heads; head++)
            for (size_t i = 0; i < length; i++) {
                uint16_t *s = scores + ((row * heads + head) * length + i) * length;
                softmax_row(s, relations + (row * length + i) * length, table + head * RELATIONS,
                            i + 1, scale);
                memset(s + i + 1, 0, (length - i - 1) * sizeof *s);
            }
}

/* grad: of the weights in, of q k^T out. sum [heads, 16]: of the table, added to; NULL when
 * it is not wanted. */
void attention_gradient(const uint8_t *relations, const uint16_t *weights, size_t rows,
                        size_t heads, size_t length, float scale, uint16_t *grad, float *sum)
{
    for (size_t row = 0; row < rows; row++)
        for (size_t head = 0; head < heads; head++) {
            /* Four sets of sums, so that equal neighbours do not wait for each other. */
            float part[4][RELATIONS] = {{0}};
            for (size_t i = 0; i < length; i++) {
                size_t at = ((row * heads + head) * length + i) * length, n = i + 1;
                const uint8_t *relation = relations + (row * length + i) * length;
                const uint16_t *w = weights + at;
                uint16_t *g = grad + at;
                float x[LENGTH_MAX + 4], mean = 0;
                for (size_t j = 0; j < n; j++)
                    mean += widen(w[j]) * widen(g[j]);
                for (size_t j = 0; j < n; j++) {
                    x[j] = widen(w[j]) * (widen(g[j]) - mean);
                    g[j] = narrow(x[j] * scale);
                }
                memset(g + n, 0, (length - n) * sizeof *g);
                for (size_t j = 0; sum && j < n; j++)
                    part[j & 3][relation[j]] += x[j];
            }
            for (size_t k = 0; sum && k < 4; k++)
                for (size_t r = 0; r < RELATIONS; r++)
                    sum[head * RELATIONS + r] += part[k][r];
        }
}
