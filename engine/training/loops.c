/* loops.c: what a CPU needs between the matrix products of training: softmax over scores
 * with a structure term by relation, the loss over the vocabulary, and the gradients of both.
 *
 * PyTorch does the matrix products; what lies between them is here, because only a loop that
 * knows the mask can leave out the half of all pairs that causality hides, and only one that
 * reads the relation itself needs no term laid out over all pairs. model.py compiles this
 * file for the machine at hand; the loops are written for the compiler to vectorise. Scores,
 * weights, logits and their gradients are bf16 (the upper 16 bits of a float).
 *
 *   relations [rows, T, T]          HIDDEN where j may not be seen
 *   scores    [rows, heads, T, T]   q k^T in, weights out
 *   add       [heads, 16], or one for each query: [rows, heads, T, 16]
 *   factor    [heads, 16] multiplies the scaled score; NULL for ones
 */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RELATIONS  16
#define LENGTH_MAX 4096
#define VOCAB_MAX  65536

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

/* x[0, n): exponentials of x - max; returns their sum. */
static float exponentials(float *x, size_t n)
{
    float top = -INFINITY, sum = 0;
    for (size_t j = 0; j < n; j++)
        top = x[j] > top ? x[j] : top;
    for (size_t j = 0; j < n; j++) {
        x[j] = exponential(x[j] - top);
        sum += x[j];
    }
    return sum;
}

/* ---- Attention ---------------------------------------------------------------------- */

/* Where the additive terms of a query stand. */
static size_t term_row(bool by_query, size_t row, size_t heads, size_t head, size_t length,
                       size_t i)
{
    return (by_query ? (row * heads + head) * length + i : head) * RELATIONS;
}

void attention_softmax(const uint8_t *relations, const float *add, int by_query,
                       const float *factor, size_t rows, size_t heads, size_t length, float scale,
                       uint16_t *scores)
{
    float x[LENGTH_MAX];
    for (size_t row = 0; row < rows; row++)
        for (size_t head = 0; head < heads; head++)
            for (size_t i = 0; i < length; i++) {
                size_t n = i + 1;
                uint16_t *s = scores + ((row * heads + head) * length + i) * length;
                const uint8_t *relation = relations + (row * length + i) * length;
                const float *a = add + term_row(by_query, row, heads, head, length, i);
                const float *f = factor ? factor + head * RELATIONS : NULL;
                if (f)
                    for (size_t j = 0; j < n; j++)
                        x[j] = widen(s[j]) * scale * f[relation[j]] + a[relation[j]];
                else
                    for (size_t j = 0; j < n; j++)
                        x[j] = widen(s[j]) * scale + a[relation[j]];
                float inverse = 1 / exponentials(x, n);
                for (size_t j = 0; j < n; j++)
                    s[j] = narrow(x[j] * inverse);
                memset(s + n, 0, (length - n) * sizeof *s);
            }
}

/* grad: of the weights in, of q k^T out. scores: q k^T as it was, for the gradient of factor;
 * NULL without factor. d_add (as add), d_factor [heads, 16]: added to. d_add may be NULL. */
void attention_gradient(const uint8_t *relations, const uint16_t *weights, const uint16_t *scores,
                        const float *factor, int by_query, size_t rows, size_t heads, size_t length,
                        float scale, uint16_t *grad, float *d_add, float *d_factor)
{
    float x[LENGTH_MAX + 4];
    for (size_t row = 0; row < rows; row++)
        for (size_t head = 0; head < heads; head++) {
            /* Four sets of sums, so that equal neighbours do not wait for each other. */
            float part[4][RELATIONS] = {{0}}, products[RELATIONS] = {0};
            const float *f = factor ? factor + head * RELATIONS : NULL;
            for (size_t i = 0; i < length; i++) {
                size_t at = ((row * heads + head) * length + i) * length, n = i + 1;
                const uint8_t *relation = relations + (row * length + i) * length;
                const uint16_t *w = weights + at;
                uint16_t *g = grad + at;
                float mean = 0;
                for (size_t j = 0; j < n; j++)
                    mean += widen(w[j]) * widen(g[j]);
                for (size_t j = 0; j < n; j++)
                    x[j] = widen(w[j]) * (widen(g[j]) - mean);
                if (f)
                    for (size_t j = 0; j < n; j++) {
                        products[relation[j]] += x[j] * scale * widen(scores[at + j]);
                        g[j] = narrow(x[j] * scale * f[relation[j]]);
                    }
                else
                    for (size_t j = 0; j < n; j++)
                        g[j] = narrow(x[j] * scale);
                memset(g + n, 0, (length - n) * sizeof *g);
                for (size_t j = 0; d_add && j < n; j++)
                    part[j & 3][relation[j]] += x[j];
                if (!d_add || (!by_query && i + 1 < length)) continue;
                float *sum = d_add + term_row(by_query, row, heads, head, length, i);
                for (size_t k = 0; k < 4; k++)
                    for (size_t r = 0; r < RELATIONS; r++)
                        sum[r] += part[k][r];
                memset(part, 0, sizeof part);
            }
            for (size_t r = 0; f && r < RELATIONS; r++)
                d_factor[head * RELATIONS + r] += products[r];
        }
}

/* ---- Loss --------------------------------------------------------------------------- */

/* Softmax cross-entropy of n rows of logits [n, vocab]: nats[n] out, and the logits become
 * the gradient of sum(weight * nats). */
void loss_gradient(uint16_t *logits, const int64_t *targets, const float *weight, size_t n,
                   size_t vocab, float *nats)
{
    float x[VOCAB_MAX];
    for (size_t i = 0; i < n; i++) {
        uint16_t *s = logits + i * vocab;
        for (size_t j = 0; j < vocab; j++)
            x[j] = widen(s[j]);
        float hit = x[targets[i]], top = -INFINITY;
        for (size_t j = 0; j < vocab; j++)
            top = x[j] > top ? x[j] : top;
        float sum = exponentials(x, vocab), inverse = weight[i] / sum;
        nats[i] = __builtin_logf(sum) + top - hit;
        x[targets[i]] -= sum;
        for (size_t j = 0; j < vocab; j++)
            s[j] = narrow(x[j] * inverse);
    }
}
