/* loss.c: the loss over the vocabulary and its gradient in one loop, for training on a CPU:
 * PyTorch does the matrix products in front of it and behind it. model.py compiles this file
 * for the machine at hand; the loops are written for the compiler to vectorise. Logits and
 * their gradients are bf16 (the upper 16 bits of a float).
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VOCAB_MAX 65536

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

/* Softmax cross-entropy of n rows of logits [n, vocab]: nats[n] of the targets out, and the
 * logits become the gradient of the sum of weight * loss. A row's loss is its nats, or with a
 * teacher's logits [n, vocab] (else NULL): (1 - soft) * nats + soft * the cross-entropy under
 * the teacher's distribution. */
void loss_gradient(uint16_t *logits, const uint16_t *teacher, float soft, const int64_t *targets,
                   const float *weight, size_t n, size_t vocab, float *nats)
{
    float x[VOCAB_MAX], y[VOCAB_MAX];
    for (size_t i = 0; i < n; i++) {
        uint16_t *s = logits + i * vocab;
        for (size_t j = 0; j < vocab; j++)
            x[j] = widen(s[j]);
        float hit = x[targets[i]], top = -INFINITY;
        for (size_t j = 0; j < vocab; j++)
            top = x[j] > top ? x[j] : top;
        float sum = exponentials(x, vocab), inverse = weight[i] / sum;
        nats[i] = __builtin_logf(sum) + top - hit;
        if (teacher) {
            for (size_t j = 0; j < vocab; j++)
                y[j] = widen(teacher[i * vocab + j]);
            float share = soft * sum / exponentials(y, vocab);
            for (size_t j = 0; j < vocab; j++)
                x[j] -= share * y[j];
        }
        x[targets[i]] -= teacher ? (1 - soft) * sum : sum;
        for (size_t j = 0; j < vocab; j++)
            s[j] = narrow(x[j] * inverse);
    }
}
