/* Weights: from the tensors of a checked file to matrices that the kernels can run.
 *
 * Every tensor's type and shape is checked against the hyper-parameters (model.c) before anything
 * is computed from it; the rest of the engine relies on that and checks nothing again.
 *
 * Memory. F32, F16 and BF16 matrices are used where the file is mapped. Quantised matrices are
 * used there by kernel set ref and by the OpenBLAS path; the vector sets read a packed
 * copy of the same size (see kernels/blocks.h), and the mapped pages go back to the system's cache
 * at once, so that a process holds each weight once.
 * The tables of embeddings, which are looked up and not multiplied, are read where they lie: what
 * no text asks for never enters memory.
 */
#if defined(__linux__)
#define _DEFAULT_SOURCE /* madvise */
#endif
#include "engine/error.h"
#include "engine/kernels/half.h"
#include "engine/model.h"
#include "engine/ngram.h"
#include "engine/reader.h"
#include "engine/sparse.h"
#include "engine/tokenizer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LARGE_PAGE (2u * 1024 * 1024)
#define MAX_VOCAB  (1u << 20)

void eng_expand_weights(const void *rows, enum eng_tensor_type type, size_t n, float *out)
{
    const uint16_t *halves = rows;
    switch (type) {
    case ENG_F32:
        memcpy(out, rows, n * sizeof *out);
        break;
    case ENG_F16:
        for (size_t i = 0; i < n; i++)
            out[i] = eng_float_of_half(halves[i]);
        break;
    case ENG_BF16:
        for (size_t i = 0; i < n; i++)
            out[i] = eng_float_of_bf16(halves[i]);
        break;
    default: /* quantised */
        for (size_t b = 0; b < n / ENG_BLOCK_VALUES; b++, out += ENG_BLOCK_VALUES) {
            struct eng_block_values block;
            eng_read_block(rows, type, b, &block);
            for (size_t i = 0; i < ENG_BLOCK_VALUES; i++)
                out[i] = block.scale[i / block.run] * block.q[i] - block.minimum;
        }
        break;
    }
}

static bool runnable(enum eng_tensor_type type)
{
    return type == ENG_F32 || type == ENG_F16 || type == ENG_BF16 || eng_is_quantized(type);
}

enum eng_status eng_read_tensor(const struct eng_reader *in, const char *name, uint64_t d0,
                                uint64_t d1, uint64_t d2, const struct eng_tensor **out)
{
    const struct eng_tensor *tensor = eng_gguf_find_tensor(in->gguf, name);
    if (!tensor) return eng_fail(in->err, ENG_BAD_FILE, "tensor %s is missing", name);
    uint64_t want[3] = {d0, d1 ? d1 : 1, d2 ? d2 : 1};
    if (tensor->dims[0] != want[0] || tensor->dims[1] != want[1] || tensor->dims[2] != want[2] ||
        tensor->dims[3] != 1)
        return eng_fail(in->err, ENG_BAD_FILE,
                        "tensor %s is [%" PRIu64 ", %" PRIu64 ", %" PRIu64 "], expected [%" PRIu64
                        ", %" PRIu64 ", %" PRIu64 "]",
                        name, tensor->dims[0], tensor->dims[1], tensor->dims[2], want[0], want[1],
                        want[2]);
    if (!runnable(tensor->type))
        return eng_fail(in->err, ENG_UNSUPPORTED,
                        "tensor %s has type %s, expected F32, F16, BF16, Q8_0, Q6_K, Q4_K, Q4_0 or "
                        "IQ4_NL",
                        name, eng_type_info(tensor->type)->name);
    if (d0 % eng_type_info(tensor->type)->block_values != 0)
        return eng_fail(in->err, ENG_BAD_FILE,
                        "tensor %s: rows of %" PRIu64 " values are no whole %s blocks", name, d0,
                        eng_type_info(tensor->type)->name);
    *out = tensor;
    return ENG_OK;
}

/* The tables of n-grams are never multiplied. (The tokens' embeddings are: they are the output
 * matrix as well, in most models.) */
static bool is_table(const struct eng_tensor *tensor)
{
    static const char prefix[] = "ngram_embd.";
    return strncmp(tensor->name, prefix, sizeof prefix - 1) == 0;
}

/* Reserves what the packed copies of all quantised matrices need, in one block, so that the
 * system can back it with large pages: decoding reads all of it for each token, and small
 * pages would cost it a walk of the page table every 4 KiB. */
static enum eng_status reserve_packed(const struct eng_reader *in)
{
    struct eng_model *model = in->model;
    size_t bytes = 0, lanes = model->kernels->lanes;

    if (lanes == 0 || model->blas || in->weights == ENG_WEIGHTS_F32) return ENG_OK;
    for (size_t i = 0; i < eng_gguf_tensor_count(in->gguf); i++) {
        const struct eng_tensor *tensor = eng_gguf_tensor_at(in->gguf, i);
        if (!eng_is_quantized(tensor->type) || is_table(tensor)) continue;
        if (tensor->dims[0] % eng_type_info(tensor->type)->block_values != 0) continue;
        size_t groups = (size_t)(tensor->dims[1] / lanes + 1);
        bytes += groups * eng_group_bytes(tensor->type, lanes, (size_t)tensor->dims[0]);
    }
    if (bytes == 0) return ENG_OK;
    void *block = NULL;
    if (posix_memalign(&block, LARGE_PAGE, bytes) != 0)
        return eng_fail(in->err, ENG_NO_MEMORY, "out of memory for %zu bytes of weights", bytes);
#if defined(MADV_HUGEPAGE)
    madvise(block, bytes, MADV_HUGEPAGE); /* a wish: without it everything works as well */
#endif
    model->packed = block;
    return ENG_OK;
}

struct packing {
    const struct eng_model *model;
    const struct eng_matrix *matrix;
    size_t groups, step; /* groups in all, and of one task */
};

static void pack_task(const void *job, size_t task, int thread)
{
    (void)thread;
    const struct packing *p = job;
    size_t first = task * p->step, last = first + p->step;
    if (last > p->groups) last = p->groups;
    eng_pack(p->matrix->rows, p->matrix->type, p->matrix->cols, p->matrix->outputs,
             p->model->kernels->lanes, p->model->kernels->flip, first, last, p->matrix->packed);
}

/* Brings a matrix into the form that the products read. */
static enum eng_status prepare(const struct eng_reader *in, const char *name,
                               struct eng_matrix *matrix)
{
    struct eng_model *model = in->model;
    size_t values = (size_t)matrix->outputs * matrix->cols;

    if (in->weights == ENG_WEIGHTS_F32 && matrix->type != ENG_F32) {
        float *expanded = malloc(values * sizeof *expanded);
        if (!expanded) return eng_fail(in->err, ENG_NO_MEMORY, "out of memory for %s", name);
        eng_expand_weights(matrix->rows, matrix->type, values, expanded);
        matrix->rows = matrix->owned = expanded;
        matrix->type = ENG_F32;
        return ENG_OK;
    }
    if (!eng_is_quantized(matrix->type) || model->blas || model->kernels->lanes == 0) return ENG_OK;

    size_t lanes = model->kernels->lanes, groups = (matrix->outputs + lanes - 1) / lanes;
    matrix->packed = model->packed + model->packed_used;
    model->packed_used += groups * eng_group_bytes(matrix->type, lanes, matrix->cols);

    struct packing job = {.model = model, .matrix = matrix, .groups = groups, .step = 1};
    while (groups / job.step >= ENG_MAX_TASKS / 2)
        job.step *= 2;
    eng_pool_enter(model->pool);
    eng_pool_run(model->pool, pack_task, &job, (groups + job.step - 1) / job.step);
    eng_pool_leave(model->pool);
    uint64_t bytes = 0;
    eng_type_bytes(matrix->type, values, &bytes);
    eng_gguf_release(in->gguf, matrix->rows, (size_t)bytes);
    matrix->rows = NULL;
    return ENG_OK;
}

enum eng_status eng_read_table(const struct eng_reader *in, const char *name, uint32_t rows,
                               uint32_t cols, struct eng_matrix *out)
{
    const struct eng_tensor *tensor = NULL;
    enum eng_status status = eng_read_tensor(in, name, cols, rows, 0, &tensor);
    if (status != ENG_OK) return status;
    *out = (struct eng_matrix){
        .rows = tensor->data, .type = tensor->type, .outputs = rows, .cols = cols};
    return ENG_OK;
}

enum eng_status eng_read_matrix(const struct eng_reader *in, const char *name, uint32_t outputs,
                                uint32_t cols, struct eng_matrix *out)
{
    enum eng_status status = eng_read_table(in, name, outputs, cols, out);
    return status == ENG_OK ? prepare(in, name, out) : status;
}

enum eng_status eng_read_floats(const struct eng_reader *in, const char *name, uint32_t d0,
                                uint32_t d1, uint32_t d2, float **out)
{
    const struct eng_tensor *tensor = NULL;
    enum eng_status status = eng_read_tensor(in, name, d0, d1, d2, &tensor);
    if (status != ENG_OK) return status;
    size_t n = (size_t)d0 * (d1 ? d1 : 1) * (d2 ? d2 : 1);
    float *copy = malloc(n * sizeof *copy);
    if (!copy) return eng_fail(in->err, ENG_NO_MEMORY, "out of memory for %s", name);
    *out = copy;
    eng_expand_weights(tensor->data, tensor->type, n, copy);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(copy[i]))
            return eng_fail(in->err, ENG_BAD_FILE, "tensor %s: value %zu is not finite", name, i);
    return ENG_OK;
}

/* What a relation's parameter does to a score. */
static float structure_term(enum eng_structure structure, float parameter)
{
    double x = parameter;
    if (structure == ENG_STRUCTURE_MULTIPLICATIVE)
        return (float)((x > 30 ? x : log1p(exp(x))) / 0.69314718055994530942);
    if (structure == ENG_STRUCTURE_GATED) return (float)(1 / (1 + exp(-x)));
    return parameter;
}

/* Per-head tables, transformed once so that attention only looks them up. */
static enum eng_status read_layer_structure(const struct eng_reader *in, const char *name,
                                            struct eng_layer *layer)
{
    const struct eng_model_info *info = &in->model->info;
    if (info->structure == ENG_STRUCTURE_NONE) return ENG_OK;
    if (info->structure == ENG_STRUCTURE_ADDITIVE_KEY)
        return eng_read_floats(in, name, info->head_dim, ENG_RELATIONS, info->heads,
                               &layer->structure);

    float *parameters = NULL; /* [heads, ENG_RELATIONS] */
    enum eng_status status = eng_read_floats(in, name, ENG_RELATIONS, info->heads, 0, &parameters);
    if (status == ENG_OK) {
        layer->structure = calloc((size_t)info->heads * ENG_TABLE, sizeof(float));
        if (!layer->structure)
            status = eng_fail(in->err, ENG_NO_MEMORY, "out of memory for %s", name);
    }
    for (size_t h = 0; status == ENG_OK && h < info->heads; h++)
        for (size_t r = 0; r < ENG_RELATIONS; r++)
            layer->structure[h * ENG_TABLE + r] =
                structure_term(info->structure, parameters[h * ENG_RELATIONS + r]);
    for (size_t h = 0; status == ENG_OK && h < info->heads; h++)
        layer->structure[h * ENG_TABLE + ENG_HIDDEN] = ENG_HIDDEN_TERM;
    free(parameters);
    return status;
}

/* Cosines and sines of each coordinate, so that attention rotates without computing them. */
static enum eng_status read_turns(const struct eng_reader *in, const char *name,
                                  struct eng_layer *layer)
{
    const struct eng_model_info *info = &in->model->info;
    uint32_t half = info->head_dim / 2, heads = info->kv_heads;
    float *frequency = NULL; /* [2, kv_heads, half] */
    if (!in->model->tree_positions) return ENG_OK;
    enum eng_status status = eng_read_floats(in, name, half, heads, 2, &frequency);
    if (status != ENG_OK) return status;
    layer->turns = malloc((size_t)heads * 2 * ENG_TREE_STEPS * 2 * half * sizeof(float));
    float *out = layer->turns;
    for (size_t row = 0; out && row < (size_t)heads * 2 * ENG_TREE_STEPS; row++, out += 2 * half) {
        size_t step = row % ENG_TREE_STEPS, place = row / ENG_TREE_STEPS % 2;
        size_t head = row / ENG_TREE_STEPS / 2;
        for (size_t i = 0; i < half; i++) {
            double angle = frequency[(place * heads + head) * half + i];
            angle *= (double)step / ENG_TREE_SCALE;
            out[i] = (float)cos(angle);
            out[half + i] = (float)sin(angle);
        }
    }
    free(frequency);
    return layer->turns ? ENG_OK : eng_fail(in->err, ENG_NO_MEMORY, "out of memory for %s", name);
}

static enum eng_status read_layer(const struct eng_reader *in, uint32_t number,
                                  struct eng_layer *layer)
{
    const struct eng_model_info *info = &in->model->info;
    uint32_t q_dim = info->heads * info->head_dim, kv_dim = info->kv_heads * info->head_dim;
    bool gated = in->model->activation == ENG_SWIGLU;
    char name[64];
    enum eng_status status = ENG_OK;

#define NAMED(suffix) (snprintf(name, sizeof name, "blk.%" PRIu32 "." suffix, number), name)
    const char *const biases[] = {"attn_q.bias",        "attn_k.bias", "attn_v.bias",
                                  "attn_output.bias",   "ffn_up.bias", "ffn_down.bias",
                                  "ffn_gate_inp.weight"};
    for (size_t i = 0; i < sizeof biases / sizeof biases[0]; i++) {
        snprintf(name, sizeof name, "blk.%" PRIu32 ".%s", number, biases[i]);
        if (eng_gguf_find_tensor(in->gguf, name))
            return eng_fail(in->err, ENG_UNSUPPORTED,
                            "tensor %s: biases and experts are not supported", name);
    }
    status = eng_read_floats(in, NAMED("attn_norm.weight"), info->d_model, 0, 0, &layer->attn_norm);
    if (status == ENG_OK)
        status =
            eng_read_floats(in, NAMED("ffn_norm.weight"), info->d_model, 0, 0, &layer->ffn_norm);
    if (status == ENG_OK && eng_gguf_find_tensor(in->gguf, NAMED("attn_q_norm.weight"))) {
        status =
            eng_read_floats(in, NAMED("attn_q_norm.weight"), info->head_dim, 0, 0, &layer->q_norm);
        if (status == ENG_OK)
            status = eng_read_floats(in, NAMED("attn_k_norm.weight"), info->head_dim, 0, 0,
                                     &layer->k_norm);
    }
    if (status == ENG_OK) status = read_layer_structure(in, NAMED("attn_structure.weight"), layer);
    if (status == ENG_OK)
        status = eng_read_matrix(in, NAMED("attn_q.weight"), q_dim, info->d_model, &layer->q);
    if (status == ENG_OK)
        status = eng_read_matrix(in, NAMED("attn_k.weight"), kv_dim, info->d_model, &layer->k);
    if (status == ENG_OK)
        status = eng_read_matrix(in, NAMED("attn_v.weight"), kv_dim, info->d_model, &layer->v);
    if (status == ENG_OK)
        status = eng_read_matrix(in, NAMED("attn_output.weight"), info->d_model, q_dim, &layer->o);
    if (status == ENG_OK)
        status = eng_read_matrix(in, NAMED("ffn_up.weight"), info->d_ff, info->d_model, &layer->up);
    if (status == ENG_OK && gated)
        status =
            eng_read_matrix(in, NAMED("ffn_gate.weight"), info->d_ff, info->d_model, &layer->gate);
    if (status == ENG_OK)
        status =
            eng_read_matrix(in, NAMED("ffn_down.weight"), info->d_model, info->d_ff, &layer->down);
    if (status == ENG_OK) status = read_turns(in, NAMED("attn_tree.weight"), layer);
#undef NAMED
    return status;
}

enum eng_status eng_read_weights(const struct eng_reader *in)
{
    struct eng_model *model = in->model;
    struct eng_model_info *info = &model->info;
    enum eng_status status;

    const struct eng_tensor *embedding = eng_gguf_find_tensor(in->gguf, "token_embd.weight");
    if (!embedding) return eng_fail(in->err, ENG_BAD_FILE, "tensor token_embd.weight is missing");
    if (embedding->dims[1] > MAX_VOCAB)
        return eng_fail(in->err, ENG_UNSUPPORTED,
                        "token_embd.weight has %" PRIu64 " rows, at most %u "
                        "are supported",
                        embedding->dims[1], MAX_VOCAB);
    info->vocab = (uint32_t)embedding->dims[1];
    if (info->vocab < eng_tokenizer_vocab(model->tokenizer))
        return eng_fail(in->err, ENG_BAD_FILE,
                        "token_embd.weight has %" PRIu32 " rows for a vocabulary "
                        "of %zu tokens",
                        info->vocab, eng_tokenizer_vocab(model->tokenizer));
    status = eng_read_table(in, "token_embd.weight", info->vocab, info->d_model, &model->embedding);
    if (status != ENG_OK) return status;

    if ((status = reserve_packed(in)) != ENG_OK) return status;
    bool tied = eng_gguf_find_tensor(in->gguf, "output.weight") == NULL;
    status = eng_read_matrix(in, tied ? "token_embd.weight" : "output.weight", info->vocab,
                             info->d_model, &model->output);
    if (status != ENG_OK) return status;
    status = eng_read_floats(in, "output_norm.weight", info->d_model, 0, 0, &model->output_norm);
    if (status != ENG_OK) return status;

    if ((status = eng_ngram_read_weights(in)) != ENG_OK) return status;
    model->layers = calloc(info->layers, sizeof *model->layers);
    if (!model->layers) return eng_fail(in->err, ENG_NO_MEMORY, "out of memory for layers");
    for (uint32_t i = 0; i < info->layers && status == ENG_OK; i++)
        status = read_layer(in, i, &model->layers[i]);
    return status;
}

void eng_matrix_row(const struct eng_matrix *matrix, size_t row, float *out)
{
    uint64_t bytes = 0;
    eng_type_bytes(matrix->type, matrix->cols, &bytes);
    eng_expand_weights((const uint8_t *)matrix->rows + row * bytes, matrix->type, matrix->cols,
                       out);
}
