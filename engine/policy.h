/* policy.h: attention policies, as engine.h tells of them. Internal.
 *
 * WINDOW and BLOCKS choose by a token's position alone: here, once for a pass. THRESHOLD chooses by
 * queries and keys, in each head anew: attend.c and the kernel sets with an attention of their own.
 */
#ifndef ESPALIER_ENGINE_POLICY_H
#define ESPALIER_ENGINE_POLICY_H

#include "engine/model.h"

/* Takes the policy over into a model whose hyper-parameters are known, or refuses it. */
enum eng_status eng_policy_take(struct eng_model *model, const struct eng_policy *policy,
                                struct eng_error *err);

/* Whether tokens look at blocks that follow from their positions. */
static inline bool eng_policy_by_position(const struct eng_model *model)
{
    return model->policy.kind == ENG_POLICY_WINDOW || model->policy.kind == ENG_POLICY_BLOCKS;
}

/* The blocks of ENG_KEY_LANES keys that the token at a position looks at under such a policy, a bit
 * each: blocks [words] of zeros. */
void eng_policy_choose(const struct eng_policy *policy, size_t position, uint64_t *blocks);

#endif
