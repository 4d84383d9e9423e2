/* Attention policies: their names, which models take them, and what follows from positions.
 *
 * All choose whole blocks of keys, so that what is left out is never touched, and each chooses for
 * one token at a time from what precedes it: neither the tokens that are evaluated with it nor how
 * long the sequence will become have a say.
 */
#include "engine/policy.h"
#include "engine/error.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_WINDOW (ENG_NEAR_BLOCKS * ENG_KEY_LANES)

static const char *const names[] = {[ENG_POLICY_AS_FILE] = "file",
                                    [ENG_POLICY_DENSE] = "dense",
                                    [ENG_POLICY_WINDOW] = "window",
                                    [ENG_POLICY_BLOCKS] = "blocks",
                                    [ENG_POLICY_THRESHOLD] = "threshold"};
enum { N_NAMES = sizeof names / sizeof names[0] };

static enum eng_status bad_text(const char *text, struct eng_error *err)
{
    return eng_fail(err, ENG_BAD_INPUT,
                    "attention \"%.40s\", expected file, dense, window[:TOKENS] of at least %u, "
                    "blocks or threshold[:MARGIN] within 1000 of 0",
                    text, LEAST_WINDOW);
}

static bool is_good(const struct eng_policy *policy)
{
    if ((unsigned)policy->kind >= N_NAMES) return false;
    if (policy->kind == ENG_POLICY_WINDOW) return policy->window >= LEAST_WINDOW;
    return policy->kind != ENG_POLICY_THRESHOLD || fabsf(policy->margin) <= 1000;
}

enum eng_status eng_policy_parse(const char *text, struct eng_policy *out, struct eng_error *err)
{
    size_t len = strcspn(text, ":");
    unsigned kind = 0;
    while (kind < N_NAMES && (strlen(names[kind]) != len || memcmp(names[kind], text, len) != 0))
        kind++;
    struct eng_policy policy = {.kind = (enum eng_policy_kind)kind,
                                .window = ENG_POLICY_WINDOW_TOKENS,
                                .margin = ENG_POLICY_MARGIN};
    char *end = NULL;
    const char *value = text[len] ? text + len + 1 : NULL;
    if (value && kind == ENG_POLICY_WINDOW) {
        unsigned long long tokens = strtoull(value, &end, 10);
        bool digits = *value >= '0' && *value <= '9';
        policy.window = digits && tokens <= UINT32_MAX ? (uint32_t)tokens : 0;
    } else if (value && kind == ENG_POLICY_THRESHOLD) {
        policy.margin = strtof(value, &end);
    }
    if (value && (!end || end == value || *end)) return bad_text(text, err);
    if (!is_good(&policy)) return bad_text(text, err);
    *out = policy;
    return ENG_OK;
}

enum eng_status eng_policy_take(struct eng_model *model, const struct eng_policy *policy,
                                struct eng_error *err)
{
    static const struct eng_policy as_file = {.kind = ENG_POLICY_AS_FILE};
    if (!policy) policy = &as_file;
    if (!is_good(policy))
        return eng_fail(err, ENG_BAD_INPUT,
                        "attention policy %d with a window of %" PRIu32 " and a margin of %g, "
                        "expected 0 to %d, at least %u and at most 1000",
                        (int)policy->kind, policy->window, policy->margin, N_NAMES - 1,
                        LEAST_WINDOW);
    bool sparse = model->sparse.window > 0;
    if (policy->kind > ENG_POLICY_DENSE && sparse)
        return eng_fail(err, ENG_UNSUPPORTED,
                        "attention %s: the model has sparse layers of its own, expected file or "
                        "dense",
                        names[policy->kind]);
    if (policy->kind == ENG_POLICY_THRESHOLD && model->info.structure != ENG_STRUCTURE_NONE)
        return eng_fail(err, ENG_UNSUPPORTED,
                        "attention threshold: the model has a structure of attention, expected "
                        "another policy");
    model->policy = *policy;
    if (policy->kind == ENG_POLICY_DENSE && !sparse) model->policy.kind = ENG_POLICY_AS_FILE;
    if (policy->kind == ENG_POLICY_DENSE) model->sparse.window = 0;

    const char *name =
        names[sparse || policy->kind != ENG_POLICY_AS_FILE ? policy->kind : ENG_POLICY_DENSE];
    char *text = model->policy_text;
    size_t size = sizeof model->policy_text;
    if (policy->kind == ENG_POLICY_WINDOW)
        snprintf(text, size, "%s:%" PRIu32, name, policy->window);
    else if (policy->kind == ENG_POLICY_THRESHOLD)
        snprintf(text, size, "%s:%.9g", name, policy->margin);
    else
        snprintf(text, size, "%s", name);
    model->info.policy = text;
    return ENG_OK;
}

static void choose(uint64_t *blocks, size_t block)
{
    blocks[block / 64] |= (uint64_t)1 << (block % 64);
}

void eng_policy_choose(const struct eng_policy *policy, size_t position, uint64_t *blocks)
{
    size_t own = position / ENG_KEY_LANES, near = ENG_NEAR_BLOCKS, step = 1;
    if (policy->kind == ENG_POLICY_WINDOW) {
        size_t before = policy->window - 1; /* tokens */
        near = own - (position > before ? position - before : 0) / ENG_KEY_LANES + 1;
        step = own + 1;
    } else {
        while (step * step < own + 1)
            step *= 2;
    }
    if (near < ENG_NEAR_BLOCKS) near = ENG_NEAR_BLOCKS;
    if (policy->kind == ENG_POLICY_BLOCKS && near < step) near = step;
    size_t first = own + 1 > near ? own + 1 - near : 0;
    for (size_t block = 0; block < first; block += step)
        choose(blocks, block);
    for (size_t block = first; block <= own; block++)
        choose(blocks, block);
}
