/* Drawing a token from logits. Owns nothing: the caller brings the sampler's state and the
 * scratch. All sums are in double and in ascending order of ids, so that a draw depends on
 * logits and state alone. No top-k, no penalties: a completion is short and is judged by
 * the parser afterwards.
 */
#include "engine/engine.h"

#include <math.h>

/* splitmix64: one addition and one mix, any state is a good one. In [0, 1). */
static double next_uniform(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (double)(z >> 11) * 0x1p-53;
}

/* Natural logarithm of the sum of all exponentials. */
static double log_sum(const float *logits, size_t vocab)
{
    float largest = logits[0];
    for (size_t i = 1; i < vocab; i++)
        if (logits[i] > largest) largest = logits[i];
    double sum = 0;
    for (size_t i = 0; i < vocab; i++)
        sum += exp((double)logits[i] - largest);
    return largest + log(sum);
}

/* The smallest weight that still belongs to the nucleus: the heaviest tokens whose mass
 * reaches top_p of total. Bisects on the bits of the weight, which for positive floats
 * are ordered like the weights: 31 passes at most, no sorting. */
static float nucleus_floor(const float *weights, size_t vocab, double total, float top_p)
{
    union {
        float value;
        uint32_t bits;
    } low = {.bits = 0}, high = {.value = 1.0f}, middle;
    /* Invariant: the mass of weights >= low reaches the target; that of >= high + 1 ulp
     * does not. */
    double target = total * top_p;
    while (low.bits < high.bits) {
        middle.bits = low.bits + (high.bits - low.bits + 1) / 2;
        double mass = 0;
        for (size_t i = 0; i < vocab; i++)
            if (weights[i] >= middle.value) mass += weights[i];
        if (mass >= target)
            low.bits = middle.bits;
        else
            high.bits = middle.bits - 1;
    }
    return low.value;
}

static bool is_allowed(const uint64_t *allowed, size_t id)
{
    return !allowed || eng_set_has(allowed, (int32_t)id);
}

static int32_t best_allowed(const float *logits, size_t vocab, const uint64_t *allowed)
{
    int32_t best = -1;
    for (size_t i = 0; i < vocab; i++) {
        if (isnan(logits[i]) || (best >= 0 && !(logits[i] > logits[best]))) continue;
        if (is_allowed(allowed, i)) best = (int32_t)i;
    }
    return best;
}

/* Weights relative to the best token, of allowed tokens only; the rest are 0. */
static int32_t draw(struct eng_sampler *sampler, const float *logits, size_t vocab, int32_t best,
                    const uint64_t *allowed, float *weights)
{
    double total = 0;
    for (size_t i = 0; i < vocab; i++) {
        double below = ((double)logits[i] - logits[best]) / sampler->temperature;
        weights[i] = (float)exp(below < 0 ? below : 0);
        /* Better than the best that is allowed, or no number. */
        if (!(logits[i] <= logits[best])) weights[i] = 0;
        if (!is_allowed(allowed, i)) weights[i] = 0;
        total += weights[i];
    }
    float floor = 0;
    if (sampler->top_p < 1) floor = nucleus_floor(weights, vocab, total, sampler->top_p);

    /* Tokens as heavy as the floor are a tie; of these the lowest ids come first. */
    double above = 0, target = total * sampler->top_p, kept = 0;
    for (size_t i = 0; i < vocab; i++)
        if (weights[i] > floor) above += weights[i];
    kept = above;
    for (size_t i = 0; i < vocab; i++) {
        if (weights[i] > floor || sampler->top_p >= 1) continue;
        if (weights[i] == floor && kept < target)
            kept += weights[i];
        else
            weights[i] = 0;
    }
    if (sampler->top_p >= 1) kept = total;

    double point = next_uniform(&sampler->state) * kept;
    int32_t drawn = best;
    for (size_t i = 0; i < vocab; i++) {
        if (!(weights[i] > 0)) continue;
        drawn = (int32_t)i;
        point -= weights[i];
        if (point < 0) break;
    }
    return drawn;
}

int32_t eng_sample(struct eng_sampler *sampler, const float *logits, size_t vocab,
                   const uint64_t *allowed, float *scratch, float *log_prob)
{
    int32_t id = best_allowed(logits, vocab, allowed);
    if (id < 0) return -1;
    if (sampler->temperature > 0) id = draw(sampler, logits, vocab, id, allowed, scratch);
    if (log_prob) *log_prob = (float)((double)logits[id] - log_sum(logits, vocab));
    return id;
}
