/* Opening models: what eng_model_info says, and files that are valid GGUF but no model that
 * can be run. Each bad file is a good one with one change; the error has to name it. */
#include "tests/engine/opened.h"
#include "tests/engine/random_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum change_kind {
    DROP_TENSOR,
    RESHAPE,
    RETYPE,
    NOT_FINITE,
    ADD_TENSOR,
    KEY_U32,
    KEY_F32,
    KEY_TEXT
};

struct change {
    enum change_kind kind;
    const char *name; /* of the tensor or key */
    uint32_t number;  /* first dimension, type or value */
    const char *text;
    enum eng_status status; /* expected */
    const char *message;    /* has to occur in the error */
};

static const struct change changes[] = {
    {DROP_TENSOR, "token_embd.weight", 0, NULL, ENG_BAD_FILE, "token_embd.weight"},
    {DROP_TENSOR, "output_norm.weight", 0, NULL, ENG_BAD_FILE, "output_norm.weight"},
    {DROP_TENSOR, "blk.1.attn_v.weight", 0, NULL, ENG_BAD_FILE, "blk.1.attn_v.weight"},
    {DROP_TENSOR, "blk.0.attn_k_norm.weight", 0, NULL, ENG_BAD_FILE, "blk.0.attn_k_norm.weight"},
    {DROP_TENSOR, "blk.1.attn_structure.weight", 0, NULL, ENG_BAD_FILE, "attn_structure"},
    {RESHAPE, "token_embd.weight", 32, NULL, ENG_BAD_FILE, "token_embd.weight"},
    {RESHAPE, "blk.0.attn_q.weight", 32, NULL, ENG_BAD_FILE, "expected [64, 128, 1]"},
    {RESHAPE, "blk.0.ffn_down.weight", 64, NULL, ENG_BAD_FILE, "blk.0.ffn_down.weight"},
    {RESHAPE, "blk.1.attn_structure.weight", 8, NULL, ENG_BAD_FILE, "expected [12, 4, 1]"},
    {RESHAPE, "blk.0.attn_norm.weight", 32, NULL, ENG_BAD_FILE, "blk.0.attn_norm.weight"},
    {RETYPE, "blk.0.attn_q.weight", ENG_Q4_1, NULL, ENG_UNSUPPORTED, "Q4_1, expected F32, F16"},
    {NOT_FINITE, "blk.1.attn_norm.weight", 0, NULL, ENG_BAD_FILE, "not finite"},
    {ADD_TENSOR, "blk.0.attn_q.bias", 0, NULL, ENG_UNSUPPORTED, "attn_q.bias"},
    {ADD_TENSOR, "rope_freqs.weight", 0, NULL, ENG_BAD_FILE, "rope_freqs.weight"},
    {KEY_TEXT, "general.architecture", 0, "gpt2", ENG_UNSUPPORTED, "gpt2"},
    {KEY_TEXT, "general.architecture", 0, "llama", ENG_BAD_FILE, "llama.context_length"},
    {KEY_TEXT, "espalier.attention.structure", 0, "tree_rope", ENG_UNSUPPORTED, "tree_rope"},
    {KEY_TEXT, "espalier.attention.sparse", 0, "window", ENG_UNSUPPORTED, "attention.sparse"},
    {KEY_U32, "espalier.attention.sliding_window", 256, NULL, ENG_UNSUPPORTED, "window is 256"},
    {KEY_U32, "espalier.attention.window", 1u << 30, NULL, ENG_BAD_FILE, "attention.window"},
    {KEY_U32, "espalier.attention.window", 16, NULL, ENG_BAD_FILE, "espalier.attention.header"},
    {KEY_U32, "espalier.prompt.outline", 1u << 30, NULL, ENG_BAD_FILE, "espalier.prompt.outline"},
    {KEY_TEXT, "espalier.fim.order", 0, "msp", ENG_UNSUPPORTED, "fim.order"},
    {KEY_U32, "espalier.fim.order", 1, NULL, ENG_BAD_FILE, "fim.order"},
    {KEY_TEXT, "espalier.feed_forward.activation", 0, "gelu", ENG_UNSUPPORTED, "gelu"},
    {KEY_TEXT, "espalier.rope.scaling.type", 0, "yarn", ENG_UNSUPPORTED, "yarn"},
    {KEY_TEXT, "espalier.rope.scaling.type", 0, "linear", ENG_BAD_FILE, "rope.scaling.factor"},
    {KEY_TEXT, "espalier.block_count", 0, "two", ENG_BAD_FILE, "espalier.block_count"},
    {KEY_U32, "espalier.block_count", 3, NULL, ENG_BAD_FILE, "blk.2."},
    {KEY_U32, "espalier.block_count", 0, NULL, ENG_BAD_FILE, "espalier.block_count"},
    {KEY_U32, "espalier.block_count", 4000000000u, NULL, ENG_BAD_FILE, "espalier.block_count"},
    {KEY_U32, "espalier.context_length", 0, NULL, ENG_BAD_FILE, "espalier.context_length"},
    {KEY_U32, "espalier.context_length", 1u << 30, NULL, ENG_BAD_FILE, "espalier.context_length"},
    {KEY_U32, "espalier.embedding_length", 96, NULL, ENG_BAD_FILE, "expected [96"},
    {KEY_U32, "espalier.feed_forward_length", 64, NULL, ENG_BAD_FILE, "ffn"},
    {KEY_U32, "espalier.attention.head_count", 0, NULL, ENG_BAD_FILE, "head_count"},
    {KEY_U32, "espalier.attention.head_count", 3, NULL, ENG_BAD_FILE, "no multiple"},
    {KEY_U32, "espalier.attention.head_count", 66, NULL, ENG_UNSUPPORTED, "share"},
    {KEY_U32, "espalier.attention.head_count_kv", 4, NULL, ENG_BAD_FILE, "attn_k.weight"},
    {KEY_U32, "espalier.attention.key_length", 31, NULL, ENG_BAD_FILE, "even"},
    {KEY_U32, "espalier.attention.key_length", 16, NULL, ENG_BAD_FILE, "expected"},
    {KEY_U32, "espalier.attention.value_length", 16, NULL, ENG_BAD_FILE, "value_length"},
    {KEY_U32, "espalier.rope.dimension_count", 16, NULL, ENG_UNSUPPORTED, "rope"},
    {KEY_U32, "espalier.tree.levels", 4, NULL, ENG_BAD_FILE, "tree.levels"},
    {DROP_TENSOR, "blk.1.attn_tree.weight", 0, NULL, ENG_BAD_FILE, "blk.1.attn_tree.weight"},
    {RESHAPE, "blk.0.attn_tree.weight", 8, NULL, ENG_BAD_FILE, "blk.0.attn_tree.weight"},
    {KEY_U32, "espalier.tree.positions", 1, NULL, ENG_BAD_FILE, "espalier.tree.positions"},
    {DROP_TENSOR, "ngram_embd.0.weight", 0, NULL, ENG_BAD_FILE, "ngram_embd.0.weight"},
    {DROP_TENSOR, "ngram_proj.weight", 0, NULL, ENG_BAD_FILE, "ngram_proj.weight"},
    {RESHAPE, "ngram_embd.0.weight", 64, NULL, ENG_BAD_FILE, "expected [32, 37, 1]"},
    {KEY_U32, "espalier.ngram.orders", 2, NULL, ENG_BAD_FILE, "espalier.ngram.orders"},
    {KEY_U32, "espalier.ngram.buckets", 0, NULL, ENG_BAD_FILE, "espalier.ngram.buckets"},
    {KEY_U32, "espalier.ngram.buckets", 38, NULL, ENG_BAD_FILE, "expected [32, 38, 1]"},
    {KEY_U32, "espalier.ngram.length", 1u << 20, NULL, ENG_BAD_FILE, "espalier.ngram.length"},
    {KEY_F32, "espalier.rope.freq_base", 0, "-1", ENG_BAD_FILE, "rope.freq_base"},
    {KEY_F32, "espalier.rope.freq_base", 0, "nan", ENG_BAD_FILE, "rope.freq_base"},
    {KEY_F32, "espalier.attention.layer_norm_rms_epsilon", 0, "2", ENG_BAD_FILE, "epsilon"},
};

static const struct random_model good = {.architecture = "espalier",
                                         .structure = "additive",
                                         .activation = "relu2",
                                         .type = ENG_Q8_0,
                                         .layers = 2,
                                         .d_model = 64,
                                         .heads = 4,
                                         .kv_heads = 2,
                                         .head_dim = 32,
                                         .d_ff = 96,
                                         .vocab = 270,
                                         .context = 64,
                                         .tied = true,
                                         .qk_norm = true,
                                         .tree_positions = true,
                                         .ngrams = 1,
                                         .seed = 2};

static void new_path(char path[40])
{
    strcpy(path, "/tmp/espalier-model-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
}

static void put_changed_key(struct eng_gguf_writer *writer, const struct change *change)
{
    struct eng_string text = {change->text, change->text ? strlen(change->text) : 0};
    if (change->kind == KEY_U32) eng_gguf_put_u32(writer, change->name, change->number);
    if (change->kind == KEY_F32) eng_gguf_put_f32(writer, change->name, strtof(change->text, NULL));
    if (change->kind == KEY_TEXT) eng_gguf_put_string(writer, change->name, text);
}

/* data: enough bytes for any tensor that a change makes. */
static void put_changed_tensor(struct eng_gguf_writer *writer, const struct change *change,
                               const struct eng_tensor *t, float *data)
{
    uint64_t dims[ENG_MAX_DIMS];
    memcpy(dims, t->dims, sizeof dims);
    if (strcmp(t->name, change->name) != 0 || change->kind >= KEY_U32) {
        eng_gguf_put_tensor(writer, t->name, t->type, t->n_dims, dims, t->data);
    } else if (change->kind == RESHAPE) {
        dims[0] = change->number;
        eng_gguf_put_tensor(writer, t->name, t->type, t->n_dims, dims, data);
    } else if (change->kind == RETYPE) {
        eng_gguf_put_tensor(writer, t->name, (enum eng_tensor_type)change->number, t->n_dims, dims,
                            data);
    } else if (change->kind == NOT_FINITE) {
        data[5] = strtof("inf", NULL);
        eng_gguf_put_tensor(writer, t->name, t->type, t->n_dims, dims, data);
    }
}

static void write_changed(const char *from, const char *to, const struct change *change)
{
    struct eng_error err = {""};
    struct eng_gguf *gguf;
    if (eng_gguf_open(from, &gguf, &err) != ENG_OK) fail_msg("%s", err.text);
    struct eng_gguf_writer *writer = eng_gguf_writer_new();
    float *data = calloc(1 << 16, sizeof *data);
    for (size_t i = 0; i < eng_gguf_key_count(gguf); i++) {
        const struct eng_key *key = eng_gguf_key_at(gguf, i);
        if (change->kind < KEY_U32 || strcmp(key->name, change->name) != 0)
            eng_gguf_put_key(writer, key);
    }
    put_changed_key(writer, change);
    for (size_t i = 0; i < eng_gguf_tensor_count(gguf); i++)
        put_changed_tensor(writer, change, eng_gguf_tensor_at(gguf, i), data);
    uint64_t seven = 7;
    if (change->kind == ADD_TENSOR)
        eng_gguf_put_tensor(writer, change->name, ENG_F32, 1, &seven, data);
    if (eng_gguf_writer_save(writer, to, &err) != ENG_OK) fail_msg("%s", err.text);
    eng_gguf_writer_free(writer);
    eng_gguf_close(gguf);
    free(data);
}

static void test_bad_models(void **state)
{
    (void)state;
    char from[40], to[40];
    new_path(from);
    new_path(to);
    assert_int_equal(random_model_write(&good, from, NULL), ENG_OK);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        const struct change *change = &changes[i];
        struct eng_model *model = NULL;
        struct eng_error err = {""};
        write_changed(from, to, change);
        enum eng_status status = eng_model_open(to, NULL, &model, &err);
        if (status != change->status || !strstr(err.text, change->message))
            fail_msg("%s: status %d, \"%s\"; expected %d, \"...%s...\"", change->name, status,
                     err.text, change->status, change->message);
        assert_null(model);
    }
    unlink(from);
    unlink(to);
}

static void test_outline(void **state)
{
    (void)state;
    const struct change outline = {KEY_U32, "espalier.prompt.outline", 16, NULL, ENG_OK, ""};
    char from[40], to[40];
    new_path(from);
    new_path(to);
    assert_int_equal(random_model_write(&good, from, NULL), ENG_OK);
    write_changed(from, to, &outline);
    const char *const paths[] = {from, to};
    for (size_t i = 0; i < 2; i++) {
        struct eng_model *model = open_model(paths[i], NULL);
        assert_int_equal(eng_model_info(model)->outline, i == 0 ? 0 : 16);
        eng_model_close(model);
        unlink(paths[i]);
    }
}

/* Scaling by one changes nothing. */
static void test_linear_scaling(void **state)
{
    (void)state;
    const struct change scaling = {KEY_TEXT, "espalier.rope.scaling.type", 0, "linear", ENG_OK, ""};
    const struct change factor = {KEY_F32, "espalier.rope.scaling.factor", 0, "1", ENG_OK, ""};
    char from[40], half[40], to[40];
    new_path(from);
    new_path(half);
    new_path(to);
    assert_int_equal(random_model_write(&good, from, NULL), ENG_OK);
    write_changed(from, half, &factor);
    write_changed(half, to, &scaling);
    const char *const paths[] = {from, to};
    float logits[2][270];
    struct eng_input inputs[20];
    random_inputs(4, 270, inputs, 20);
    for (size_t i = 0; i < 2; i++) {
        struct eng_model *model;
        struct eng_session *session;
        assert_int_equal(eng_model_open(paths[i], NULL, &model, NULL), ENG_OK);
        assert_int_equal(eng_session_new(model, 20, &session, NULL), ENG_OK);
        assert_int_equal(eng_session_sync(session, inputs, 20, NULL, NULL, NULL), ENG_OK);
        memcpy(logits[i], eng_session_logits(session), sizeof logits[i]);
        eng_session_free(session);
        eng_model_close(model);
    }
    assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
    unlink(from);
    unlink(half);
    unlink(to);
}

static void test_info(void **state)
{
    (void)state;
    char path[40];
    struct eng_error err = {""};
    new_path(path);
    assert_int_equal(random_model_write(&good, path, NULL), ENG_OK);
    struct eng_model *model = open_model(path, NULL);
    const struct eng_model_info *info = eng_model_info(model);
    assert_string_equal(info->name, "random");
    assert_string_equal(info->architecture, "espalier");
    assert_string_equal(info->license, "");
    assert_string_equal(info->weight_type, "Q8_0");
    assert_int_equal(info->layers, 2);
    assert_int_equal(info->d_model, 64);
    assert_int_equal(info->d_ff, 96);
    assert_int_equal(info->heads, 4);
    assert_int_equal(info->kv_heads, 2);
    assert_int_equal(info->head_dim, 32);
    assert_int_equal(info->vocab, 270);
    assert_int_equal(info->context, 64);
    assert_int_equal(info->structure, ENG_STRUCTURE_ADDITIVE);
    assert_true(info->parameters > 64 * 270 && info->file_bytes > info->parameters);

    struct eng_session *session;
    assert_int_equal(eng_session_new(model, 10, &session, &err), ENG_OK);
    assert_true(eng_session_bytes(session) > 1000);
    assert_int_equal(eng_session_length(session), 0);
    eng_session_free(session);
    eng_model_close(model);

    struct eng_model_options many = {.threads = 1000};
    assert_int_equal(eng_model_open(path, &many, &model, &err), ENG_BAD_INPUT);
    setenv("ESPALIER_CPU", "i386", 1);
    assert_int_equal(eng_model_open(path, NULL, &model, &err), ENG_UNSUPPORTED);
    assert_non_null(strstr(err.text, "i386"));
    unsetenv("ESPALIER_CPU");
    setenv("ESPALIER_PREFILL", "gpu", 1);
    assert_int_equal(eng_model_open(path, NULL, &model, &err), ENG_BAD_INPUT);
    unsetenv("ESPALIER_PREFILL");
    unlink(path);
    assert_int_equal(eng_model_open(path, NULL, &model, &err), ENG_IO);
}

/* A file of several types says where each is. */
static void test_mixed_types(void **state)
{
    (void)state;
    char path[40];
    struct eng_error err = {""};
    struct random_model spec = good;
    spec.table_type = ENG_Q4_0;
    new_path(path);
    assert_int_equal(random_model_write(&spec, path, NULL), ENG_OK);
    struct eng_model *model = open_model(path, NULL);
    assert_string_equal(eng_model_info(model)->weight_type, "Q8_0");
    assert_string_equal(eng_model_info(model)->embedding_type, "Q4_0");
    assert_string_equal(eng_model_info(model)->table_type, "Q4_0");
    eng_model_close(model);

    spec.type = ENG_Q4_0;
    spec.table_type = ENG_F16;
    spec.ngrams = 0;
    assert_int_equal(random_model_write(&spec, path, NULL), ENG_OK);
    model = open_model(path, NULL);
    assert_string_equal(eng_model_info(model)->weight_type, "Q4_0");
    assert_string_equal(eng_model_info(model)->embedding_type, "F16");
    assert_string_equal(eng_model_info(model)->table_type, "none");
    off_t bytes = (off_t)eng_model_info(model)->file_bytes;
    eng_model_close(model);

    assert_int_equal(truncate(path, bytes - 64), 0); /* more than the padding at the end */
    assert_int_equal(eng_model_open(path, NULL, &model, &err), ENG_BAD_FILE);
    assert_non_null(strstr(err.text, "passes the end"));
    unlink(path);
}

static void test_hardware(void **state)
{
    (void)state;
    struct eng_hardware hardware;
    eng_hardware_get(&hardware);
    assert_true(hardware.logical_cpus >= 1 && hardware.threads >= 1 && hardware.threads <= 4);
    assert_true(hardware.memory_bytes > 1 << 20);
    assert_non_null(hardware.kernels);
    assert_non_null(hardware.instructions);
    assert_true(memchr(hardware.cpu, '\0', sizeof hardware.cpu) != NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_models),     cmocka_unit_test(test_outline),
        cmocka_unit_test(test_linear_scaling), cmocka_unit_test(test_info),
        cmocka_unit_test(test_mixed_types),    cmocka_unit_test(test_hardware),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
