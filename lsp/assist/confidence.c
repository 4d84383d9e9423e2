/* confidence.c: see confidence.h. Owns what counts as evidence; fitting the weights is the
 * command line's business, reading them the engine's.
 */
#include "lsp/assist/confidence.h"

#include <math.h>
#include <string.h>

static float clamped(double log_prob)
{
    return log_prob < -(double)ASST_LOG_PROB_MAX ? -ASST_LOG_PROB_MAX : (float)log_prob;
}

void asst_evidence_of(const float *log_probs, uint32_t n, bool cut, bool end, bool lines,
                      struct asst_evidence *out)
{
    double sum = 0, least = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += log_probs[i];
        least = log_probs[i] < least ? log_probs[i] : least;
    }
    memset(out, 0, sizeof *out);
    out->feature[ASST_FEATURE_ONE] = 1;
    out->feature[ASST_FEATURE_SUM] = clamped(sum);
    out->feature[ASST_FEATURE_MEAN] = clamped(n ? sum / n : 0);
    out->feature[ASST_FEATURE_LEAST] = clamped(least);
    out->feature[ASST_FEATURE_LENGTH] = (float)log(1.0 + n);
    out->feature[ASST_FEATURE_CUT] = cut;
    out->feature[ASST_FEATURE_END] = end;
    out->feature[ASST_FEATURE_LINES] = lines;
}

float asst_confidence_map(const float weights[ASST_FEATURES], const struct asst_evidence *evidence)
{
    double z = 0;
    for (int i = 0; i < ASST_FEATURES; i++)
        z += (double)weights[i] * evidence->feature[i];
    return (float)(1 / (1 + exp(-z)));
}

float asst_confidence(const struct eng_model *model, const struct asst_evidence *evidence)
{
    const struct eng_model_info *info = eng_model_info(model);
    return info->calibrated ? asst_confidence_map(info->confidence, evidence) : evidence->mean_all;
}

float asst_least_confidence(const struct eng_model *model, float wanted)
{
    const struct eng_model_info *info = eng_model_info(model);
    return wanted >= 0 ? wanted : info->calibrated ? info->least_confidence : 0;
}
