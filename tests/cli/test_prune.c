/* test_prune.c: the verbs that write converted models, on random models of every kind.
 *
 * Heads and channels that add nothing, as their columns of output and down are zero, are what
 * pruning has to find; the pruned model then has to say what the whole one says, which it only
 * does when the tables of structure and of tree positions have followed. */
#include "engine/quantize.h"
#include "lsp/cli/cli.h"
#include "tests/engine/random_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TOKENS 40

static char folder[] = "/tmp/espalier-prune-XXXXXX";
static char whole[64], idle[64], result[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(whole, sizeof whole, "%s/whole.gguf", folder);
    snprintf(idle, sizeof idle, "%s/idle.gguf", folder);
    snprintf(result, sizeof result, "%s/result.gguf", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(whole);
    unlink(idle);
    unlink(result);
    return rmdir(folder);
}

/* Runs a command of up to 12 words. */
static void run(const char *const *words)
{
    char *argv[16] = {"espalier"};
    int argc = 1;
    for (; words[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    assert_int_equal(cli_main(argc, argv), CLI_OK);
}

static float *logits_of(const char *path, uint32_t *vocab, struct eng_model_info *info)
{
    struct eng_error err = {""};
    struct eng_model *model;
    struct eng_session *session;
    struct eng_model_options options = {.threads = 1};
    struct eng_input inputs[TOKENS];
    if (eng_model_open(path, &options, &model, &err) != ENG_OK) fail_msg("%s", err.text);
    *info = *eng_model_info(model);
    *vocab = info->vocab;
    random_inputs(5, *vocab, inputs, TOKENS);
    float *logits = malloc(sizeof *logits * *vocab * TOKENS);
    assert_non_null(logits);
    assert_int_equal(eng_session_new(model, TOKENS, &session, &err), ENG_OK);
    assert_int_equal(eng_session_logits_all(session, inputs, TOKENS, 0, logits, NULL, &err),
                     ENG_OK);
    eng_session_free(session);
    eng_model_close(model);
    return logits;
}

/* ---- Idle heads and channels -------------------------------------------------------------- */

struct idleness {
    uint32_t groups, heads; /* a layer: whole groups; heads of each group */
    uint32_t channels;
};

struct making {
    const struct random_model *spec;
    struct idleness idle;
};

/* Whether a head adds nothing; the layers differ. */
static bool head_is_idle(const struct making *m, uint32_t layer, uint32_t head)
{
    uint32_t size = m->spec->heads / m->spec->kv_heads, group = head / size;
    return (group + layer) % m->spec->kv_heads < m->idle.groups ||
           (head % size + layer + group) % size < m->idle.heads;
}

static bool group_is_idle(const struct making *m, uint32_t layer, uint32_t group)
{
    return (group + layer) % m->spec->kv_heads < m->idle.groups;
}

static bool channel_is_idle(const struct making *m, uint32_t layer, uint32_t channel)
{
    return (channel * 5 + layer) % m->spec->d_ff < m->idle.channels;
}

/* What a value of a tensor is multiplied with. */
static float factor_of(const struct making *m, const char *name, uint64_t row, uint64_t col)
{
    const float small = 0.01f;
    unsigned layer;
    char suffix[64];
    if (sscanf(name, "blk.%u.%63s", &layer, suffix) != 2) return 1;
    uint32_t by_row = (uint32_t)row / m->spec->head_dim, by_col = (uint32_t)col / m->spec->head_dim;
    if (strcmp(suffix, "attn_q.weight") == 0) return head_is_idle(m, layer, by_row) ? small : 1;
    if (strcmp(suffix, "attn_output.weight") == 0) return head_is_idle(m, layer, by_col) ? 0 : 1;
    if (strcmp(suffix, "attn_k.weight") == 0 || strcmp(suffix, "attn_v.weight") == 0)
        return group_is_idle(m, layer, by_row) ? small : 1;
    if (strcmp(suffix, "ffn_up.weight") == 0 || strcmp(suffix, "ffn_gate.weight") == 0)
        return channel_is_idle(m, layer, (uint32_t)row) ? small : 1;
    if (strcmp(suffix, "ffn_down.weight") == 0)
        return channel_is_idle(m, layer, (uint32_t)col) ? 0 : 1;
    return 1;
}

static void make_idle(const struct making *m)
{
    struct eng_error err = {""};
    struct eng_gguf *gguf;
    assert_int_equal(random_model_write(m->spec, whole, &err), ENG_OK);
    assert_int_equal(eng_gguf_open(whole, &gguf, &err), ENG_OK);
    struct eng_gguf_writer *writer = eng_gguf_writer_new();
    size_t count = eng_gguf_tensor_count(gguf);
    float **copies = calloc(count, sizeof *copies);
    assert_true(writer && copies);
    for (size_t i = 0; i < eng_gguf_key_count(gguf); i++)
        eng_gguf_put_key(writer, eng_gguf_key_at(gguf, i));
    for (size_t i = 0; i < count; i++) {
        const struct eng_tensor *t = eng_gguf_tensor_at(gguf, i);
        copies[i] = malloc(t->bytes);
        assert_non_null(copies[i]);
        memcpy(copies[i], t->data, t->bytes);
        for (uint64_t v = 0; v < t->bytes / sizeof(float); v++)
            copies[i][v] *= factor_of(m, t->name, v / t->dims[0], v % t->dims[0]);
        eng_gguf_put_tensor(writer, t->name, t->type, t->n_dims, t->dims, copies[i]);
    }
    assert_int_equal(eng_gguf_writer_save(writer, idle, &err), ENG_OK);
    for (size_t i = 0; i < count; i++)
        free(copies[i]);
    free(copies);
    eng_gguf_writer_free(writer);
    eng_gguf_close(gguf);
}

static const struct random_model specs[] = {
    {.architecture = "espalier",
     .structure = "additive",
     .activation = "relu2",
     .heads = 8,
     .kv_heads = 4,
     .qk_norm = true,
     .tied = true,
     .tree_positions = true,
     .ngrams = 2},
    {.architecture = "espalier",
     .structure = "additive_key",
     .activation = "swiglu",
     .heads = 9,
     .kv_heads = 3,
     .qk_norm = true},
    {.architecture = "llama", .activation = "swiglu", .heads = 4, .kv_heads = 4},
};

static struct random_model spec_of(size_t i)
{
    struct random_model spec = specs[i];
    spec.layers = 3;
    spec.d_model = 96;
    spec.head_dim = 16;
    spec.d_ff = 256;
    spec.vocab = 270;
    spec.context = 64;
    spec.seed = 40 + i;
    return spec;
}

static void check_pruned(size_t i, struct idleness idleness)
{
    struct random_model spec = spec_of(i);
    struct making making = {&spec, idleness};
    struct eng_model_info before, after;
    uint32_t vocab, size = spec.heads / spec.kv_heads;
    char heads[16], groups[16], channels[16];
    uint32_t kept = spec.kv_heads - idleness.groups;
    make_idle(&making);
    snprintf(heads, sizeof heads, "%u", (unsigned)(idleness.heads * kept));
    snprintf(groups, sizeof groups, "%u", (unsigned)idleness.groups);
    snprintf(channels, sizeof channels, "%u", (unsigned)idleness.channels);
    const char *words[16] = {"model", "prune", idle, "--out", result, "--quiet"};
    size_t n = 6;
    if (idleness.heads) words[n++] = "--heads", words[n++] = heads;
    if (idleness.groups) words[n++] = "--groups", words[n++] = groups;
    if (idleness.channels) words[n++] = "--channels", words[n++] = channels;
    run(words);

    float *want = logits_of(idle, &vocab, &before), *got = logits_of(result, &vocab, &after);
    assert_int_equal(after.heads, kept * (size - idleness.heads));
    assert_int_equal(after.kv_heads, kept);
    assert_int_equal(after.d_ff, spec.d_ff - idleness.channels);
    assert_int_equal(after.head_dim, before.head_dim);
    for (size_t v = 0; v < (size_t)vocab * TOKENS; v++)
        if (fabsf(got[v] - want[v]) > 2e-4f * (1 + fabsf(want[v])))
            fail_msg("model %zu: logit %zu of token %zu is %g, was %g", i, v % vocab, v / vocab,
                     (double)got[v], (double)want[v]);
    free(want);
    free(got);
}

static void idle_heads_go(void **state)
{
    (void)state;
    check_pruned(0, (struct idleness){.heads = 1});
    check_pruned(1, (struct idleness){.heads = 2});
}

static void idle_groups_go(void **state)
{
    (void)state;
    check_pruned(0, (struct idleness){.groups = 2});
    check_pruned(1, (struct idleness){.groups = 1});
    check_pruned(2, (struct idleness){.groups = 1});
}

static void idle_channels_go(void **state)
{
    (void)state;
    check_pruned(0, (struct idleness){.channels = 64});
    check_pruned(2, (struct idleness){.channels = 32});
}

static void all_at_once(void **state)
{
    (void)state;
    check_pruned(0, (struct idleness){.groups = 1, .heads = 1, .channels = 96});
    check_pruned(1, (struct idleness){.groups = 1, .heads = 1, .channels = 128});
}

/* ---- Types -------------------------------------------------------------------------------- */

/* Root mean square of the difference of logits, over that of the logits. */
static double drift(const char *a, const char *b)
{
    struct eng_model_info info;
    uint32_t vocab;
    float *x = logits_of(a, &vocab, &info), *y = logits_of(b, &vocab, &info);
    double power = 0, error = 0;
    for (size_t v = 0; v < (size_t)vocab * TOKENS; v++) {
        double d = (double)x[v] - y[v];
        power += (double)x[v] * x[v];
        error += d * d;
    }
    free(x);
    free(y);
    return sqrt(error / power);
}

/* Every type runs, and is as near to the original as its bits allow. */
static void types_run(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double most;
    } types[] = {{"F16", 0.01}, {"BF16", 0.02},  {"Q8_0", 0.05}, {"Q6_K", 0.1},
                 {"Q4_K", 0.4}, {"IQ4_NL", 0.4}, {"Q4_0", 0.45}};
    struct random_model spec = spec_of(0);
    struct eng_error err = {""};
    spec.d_model = spec.d_ff = 256;
    spec.heads = 16;
    assert_int_equal(random_model_write(&spec, whole, &err), ENG_OK);
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        const char *words[] = {"model",  "quantize",    whole,     "--out", result,
                               "--type", types[t].name, "--quiet", NULL};
        run(words);
        struct eng_gguf *gguf;
        assert_int_equal(eng_gguf_open(result, &gguf, &err), ENG_OK);
        const char *name =
            eng_type_info(eng_gguf_find_tensor(gguf, "blk.2.ffn_down.weight")->type)->name;
        assert_string_equal(name, types[t].name);
        eng_gguf_close(gguf);
        double moved = drift(whole, result);
        if (!(moved < types[t].most)) fail_msg("%s: logits move by %g", types[t].name, moved);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_heads_go),    cmocka_unit_test(idle_groups_go),
        cmocka_unit_test(idle_channels_go), cmocka_unit_test(all_at_once),
        cmocka_unit_test(types_run),
    };
    return cmocka_run_group_tests_name("prune", tests, make_folder, remove_folder);
}
