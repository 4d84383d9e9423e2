/* confidence.h: how likely a suggestion is to be what the writer would have written.
 *
 * A model's own probabilities are evidence, not yet an answer: the mean over a text's tokens
 * grows with its length however wrong the text is, and what the tree cut off says something
 * too. A model file may carry a map from the evidence to a probability, fitted on held-out
 * files (`espalier model calibrate`): a logistic function of the features below, in the key
 * espalier.confidence.weights, and the confidence below which a suggestion is better not
 * shown, in espalier.confidence.threshold. Without a map the confidence is the geometric
 * mean of the tokens' probabilities, which orders suggestions but is no probability.
 *
 * Pure functions of their arguments; any thread.
 */
#ifndef ESPALIER_CONFIDENCE_H
#define ESPALIER_CONFIDENCE_H

#include "engine/engine.h"

/* The features, in the order of the weights. Logarithms are natural and clamped at
 * -ASST_LOG_PROB_MAX; "kept" are the tokens of the text as it is suggested, and the token
 * that ended it unless the text was cut in front of that. */
enum asst_feature {
    ASST_FEATURE_ONE,    /* 1 */
    ASST_FEATURE_SUM,    /* of the kept tokens' log-probabilities */
    ASST_FEATURE_MEAN,   /* of the same */
    ASST_FEATURE_LEAST,  /* the least of the same */
    ASST_FEATURE_LENGTH, /* log of 1 + their number */
    ASST_FEATURE_CUT,    /* 1 when trimming took away more than white space */
    ASST_FEATURE_END,    /* 1 when the model said that the text ends */
    ASST_FEATURE_LINES,  /* 1 when the text has more than one line */
    ASST_FEATURES
};
_Static_assert(ASST_FEATURES == ENG_CONFIDENCE, "the model file holds one weight a feature");

#define ASST_LOG_PROB_MAX 40.0f

struct asst_evidence {
    float feature[ASST_FEATURES];
    float mean_all; /* geometric mean of the probabilities of all tokens, cut off or not */
};

/* log_probs[n]: of the kept tokens; the flags as above. */
void asst_evidence_of(const float *log_probs, uint32_t n, bool cut, bool end, bool lines,
                      struct asst_evidence *out);

/* 0..1. */
float asst_confidence(const struct eng_model *model, const struct asst_evidence *evidence);

/* The map alone, whatever weights it has. */
float asst_confidence_map(const float weights[ASST_FEATURES], const struct asst_evidence *evidence);

/* What to hide below: wanted itself, or what the model file says when wanted is negative (0
 * when it says nothing). */
float asst_least_confidence(const struct eng_model *model, float wanted);

#endif
