/* loss.c: the loss over the vocabulary and its gradient in one loop, for training on a CPU:
 * PyTorch does the matrix products in front of it and behind it. model.py compiles this file
 * for the machine at hand. Logits and their gradients are bf16.
 */
#include "vectors.h"

#define VOCAB_MAX 65536

/* x[vocab]: exponentials of a row of logits less its maximum; returns their sum. */
static float exponentials(const uint16_t *logits, size_t vocab, float *x, float *highest)
{
    vec top = splat(-INFINITY), sum = splat(0);
    for (size_t j = 0; j < vocab; j += LANES)
        top = larger(top, widen(logits + j));
    *highest = max_of(top);
    for (size_t j = 0; j < vocab; j += LANES) {
        vec e = exponential(widen(logits + j) - *highest);
        *(vec *)(x + j) = e;
        sum += e;
    }
    return sum_of(sum);
}

static float value_of(uint16_t bits)
{
    uint16_t one[LANES] = {bits};
    return widen(one)[0];
}

/* Softmax cross-entropy of n rows of logits [n, vocab], vocab a multiple of LANES: nats[n] of
 * the targets out, and the logits become the gradient of the sum of weight * loss. A row's loss
 * is its nats, or with a teacher's logits [n, vocab] (else NULL): (1 - soft) * nats + soft *
 * the cross-entropy under the teacher's distribution. */
void loss_gradient(uint16_t *logits, const uint16_t *teacher, float soft, const int64_t *targets,
                   const float *weight, size_t n, size_t vocab, float *nats)
{
    float x[VOCAB_MAX], y[VOCAB_MAX], top;
    for (size_t i = 0; i < n; i++) {
        uint16_t *s = logits + i * vocab;
        float hit = value_of(s[targets[i]]), sum = exponentials(s, vocab, x, &top);
        nats[i] = logf(sum) + top - hit;
        if (teacher) {
            float share = soft * sum / exponentials(teacher + i * vocab, vocab, y, &top);
            for (size_t j = 0; j < vocab; j++)
                x[j] -= share * y[j];
        }
        x[targets[i]] -= teacher ? (1 - soft) * sum : sum;
        float scale = weight[i] / sum;
        for (size_t j = 0; j < vocab; j += LANES)
            narrow(s + j, load(x + j) * scale);
    }
}
