/* Opening a model: from a checked GGUF file to matrices that the kernels can run.
 *
 * Owns the mapping, the packed copies of weights, the thread pool and the tokenizer. Every
 * hyper-parameter is checked against the limits below and every tensor's type and shape
 * against the hyper-parameters before anything is computed from it; the rest of the engine
 * relies on that and checks nothing again.
 *
 * Deliberately absent: loading in the background, more than one file to a model, and any
 * architecture-specific code outside of this file. What differs between "espalier" and
 * "llama" is data in struct eng_model by the time a session sees it.
 */
#include "engine/model.h"
#include "engine/error.h"
#include "engine/hardware.h"
#include "engine/ngram.h"
#include "engine/policy.h"
#include "engine/queue.h"
#include "engine/reader.h"
#include "engine/sparse.h"
#include "engine/tokenizer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LAYERS   512u
#define MAX_WIDTH    65536u /* d_model, d_ff, heads * head_dim */
#define MAX_HEAD_DIM 1024u
#define MAX_CONTEXT  (1u << 20)

/* ---- Keys -------------------------------------------------------------------------- */

/* The name of an architecture's own key, "espalier.block_count". */
const char *eng_reader_key(const struct eng_reader *in, const char *suffix, char name[128])
{
    snprintf(name, 128, "%s.%s", in->architecture, suffix);
    return name;
}

/* A required count in [low, high]. */
enum eng_status eng_read_count(const struct eng_reader *in, const char *suffix, enum eng_need need,
                               uint32_t low, uint32_t high, uint32_t *out)
{
    char name[128];
    eng_reader_key(in, suffix, name);
    enum eng_status status = eng_gguf_get_u32(in->gguf, name, need, out, in->err);
    if (status != ENG_OK) return status;
    if (*out < low || *out > high)
        return eng_fail(in->err, ENG_BAD_FILE,
                        "%s is %" PRIu32 ", expected %" PRIu32 " to %" PRIu32, name, *out, low,
                        high);
    return ENG_OK;
}

static enum eng_status copy_string(const struct eng_reader *in, const char *name,
                                   const char *otherwise, char **out)
{
    struct eng_string value = {otherwise, strlen(otherwise)};
    enum eng_status status = eng_gguf_get_string(in->gguf, name, ENG_OPTIONAL, &value, in->err);
    if (status != ENG_OK) return status;
    char *copy = malloc(value.len + 1);
    if (!copy) return eng_fail(in->err, ENG_NO_MEMORY, "out of memory for %s", name);
    memcpy(copy, value.text, value.len);
    copy[value.len] = '\0';
    *out = copy;
    return ENG_OK;
}

static enum eng_status read_structure(const struct eng_reader *in)
{
    static const char *const names[] = {"none", "additive", "additive_key", "multiplicative",
                                        "gated"};
    char key[128];
    struct eng_string value = {"none", 4};
    enum eng_status status = eng_gguf_get_string(
        in->gguf, eng_reader_key(in, "attention.structure", key), ENG_OPTIONAL, &value, in->err);
    if (status != ENG_OK) return status;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!eng_string_is(value, names[i])) continue;
        in->model->info.structure = (enum eng_structure)i;
        uint32_t levels = ENG_LEVELS;
        if (i == 0) return ENG_OK;
        return eng_read_count(in, "tree.levels", ENG_OPTIONAL, ENG_LEVELS, ENG_LEVELS, &levels);
    }
    return eng_fail(
        in->err, ENG_UNSUPPORTED,
        "%s is \"%.*s\", expected none, additive, additive_key, multiplicative or gated", key,
        (int)(value.len < 40 ? value.len : 40), value.text);
}

/* Whether heads are rotated by the token's place in the tree as well. */
static enum eng_status read_tree_positions(const struct eng_reader *in)
{
    char key[128];
    bool *on = &in->model->tree_positions;
    enum eng_status status = eng_gguf_get_bool(in->gguf, eng_reader_key(in, "tree.positions", key),
                                               ENG_OPTIONAL, on, in->err);
    if (status != ENG_OK || !*on) return status;
    if (strcmp(in->architecture, "espalier") != 0)
        return eng_fail(in->err, ENG_UNSUPPORTED, "%s: only architecture espalier has them", key);
    return ENG_OK;
}

static enum eng_status read_fim_order(const struct eng_reader *in)
{
    bool ours = strcmp(in->architecture, "espalier") == 0;
    char key[128];
    struct eng_string value = {ours ? "spm" : "psm", 3};
    enum eng_status status = eng_gguf_get_string(in->gguf, eng_reader_key(in, "fim.order", key),
                                                 ENG_OPTIONAL, &value, in->err);
    if (status != ENG_OK) return status;
    bool spm = eng_string_is(value, "spm");
    if (!spm && !eng_string_is(value, "psm"))
        return eng_fail(in->err, ENG_UNSUPPORTED, "%s is \"%.*s\", expected psm or spm", key,
                        (int)(value.len < 40 ? value.len : 40), value.text);
    in->model->info.fim_order = spm ? ENG_FIM_SPM : ENG_FIM_PSM;
    return ENG_OK;
}

/* n finite numbers, or none: *there says which. */
static enum eng_status read_weights(const struct eng_reader *in, const char *key, int n, float *out,
                                    bool *there)
{
    struct eng_array numbers = {0};
    enum eng_status status =
        eng_gguf_get_array(in->gguf, key, ENG_OPTIONAL, ENG_FLOATS, &numbers, in->err);
    *there = false;
    if (status != ENG_OK || !eng_gguf_find_key(in->gguf, key)) return status;
    if (numbers.left != (uint64_t)n)
        return eng_fail(in->err, ENG_BAD_FILE, "%s has %" PRIu64 " numbers, expected %d", key,
                        numbers.left, n);
    for (int i = 0; i < n; i++)
        if (!eng_array_next_f32(&numbers, &out[i]) || !isfinite(out[i]))
            return eng_fail(in->err, ENG_BAD_FILE, "%s[%d] is no finite number", key, i);
    *there = true;
    return ENG_OK;
}

/* What the file says of confidence: weights and threshold, or neither; and of recall. */
static enum eng_status read_confidence(const struct eng_reader *in)
{
    struct eng_model_info *info = &in->model->info;
    enum eng_status status =
        read_weights(in, "espalier.recall.weights", ENG_RECALL, info->recall, &info->recalls);
    if (status == ENG_OK)
        status = read_weights(in, "espalier.confidence.weights", ENG_CONFIDENCE, info->confidence,
                              &info->calibrated);
    if (status != ENG_OK || !info->calibrated) return status;
    status = eng_gguf_get_f32(in->gguf, "espalier.confidence.threshold", ENG_OPTIONAL,
                              &info->least_confidence, in->err);
    if (status != ENG_OK) return status;
    if (!(info->least_confidence >= 0 && info->least_confidence <= 1))
        return eng_fail(in->err, ENG_BAD_FILE,
                        "espalier.confidence.threshold is %g, expected 0 to 1",
                        info->least_confidence);
    return ENG_OK;
}

/* A model trained to look at some of its context only would run dense without complaint, and
 * give other logits than it was trained for: better refused. */
static enum eng_status refuse_sparse(const struct eng_reader *in)
{
    static const char *const suffixes[] = {"attention.sparse", "attention.sliding_window"};
    static const char *const off[] = {"\"none\"", "0", "false"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char name[128], value[64];
        const struct eng_key *key =
            eng_gguf_find_key(in->gguf, eng_reader_key(in, suffixes[i], name));
        if (!key) continue;
        eng_key_format(key, value, sizeof value);
        bool is_off = false;
        for (size_t j = 0; j < sizeof off / sizeof off[0]; j++)
            is_off = is_off || strcmp(value, off[j]) == 0;
        if (!is_off)
            return eng_fail(in->err, ENG_UNSUPPORTED, "%s is %s: not a sparsity that we run", name,
                            value);
    }
    return ENG_OK;
}

static enum eng_status read_activation(const struct eng_reader *in)
{
    char key[128];
    bool llama = strcmp(in->architecture, "llama") == 0;
    struct eng_string value = {llama ? "swiglu" : "relu2", llama ? 6 : 5};
    enum eng_status status =
        eng_gguf_get_string(in->gguf, eng_reader_key(in, "feed_forward.activation", key),
                            ENG_OPTIONAL, &value, in->err);
    if (status != ENG_OK) return status;
    if (eng_string_is(value, "swiglu"))
        in->model->activation = ENG_SWIGLU;
    else if (eng_string_is(value, "relu2"))
        in->model->activation = ENG_RELU2;
    else
        return eng_fail(in->err, ENG_UNSUPPORTED, "%s is \"%.*s\", expected relu2 or swiglu", key,
                        (int)(value.len < 40 ? value.len : 40), value.text);
    return ENG_OK;
}

/* Angles per position. Scaling "linear" divides positions by a factor; a tensor
 * rope_freqs.weight divides each frequency by its own. */
static enum eng_status read_rope(const struct eng_reader *in)
{
    struct eng_model *model = in->model;
    char key[128];
    float base = 10000.0f, factor = 1.0f;
    struct eng_string scaling = {"none", 4};
    enum eng_status status;

    model->rope_interleaved = strcmp(in->architecture, "llama") == 0;
    model->rope_dim = model->info.head_dim;
    status = eng_read_count(in, "rope.dimension_count", ENG_OPTIONAL, 2, model->info.head_dim,
                            &model->rope_dim);
    if (status != ENG_OK) return status;
    if (model->rope_dim % 2 != 0 ||
        (!model->rope_interleaved && model->rope_dim != model->info.head_dim))
        return eng_fail(in->err, ENG_UNSUPPORTED, "rope over %" PRIu32 " of %" PRIu32 " dimensions",
                        model->rope_dim, model->info.head_dim);

    status = eng_gguf_get_f32(in->gguf, eng_reader_key(in, "rope.freq_base", key), ENG_OPTIONAL,
                              &base, in->err);
    if (status != ENG_OK) return status;
    if (!(base > 0) || !isfinite(base))
        return eng_fail(in->err, ENG_BAD_FILE, "%s is %g, expected a positive number", key, base);

    status = eng_gguf_get_string(in->gguf, eng_reader_key(in, "rope.scaling.type", key),
                                 ENG_OPTIONAL, &scaling, in->err);
    if (status != ENG_OK) return status;
    if (eng_string_is(scaling, "linear")) {
        status = eng_gguf_get_f32(in->gguf, eng_reader_key(in, "rope.scaling.factor", key),
                                  ENG_REQUIRED, &factor, in->err);
        if (status != ENG_OK) return status;
        if (!(factor > 0) || !isfinite(factor))
            return eng_fail(in->err, ENG_BAD_FILE, "%s is %g, expected a positive number", key,
                            factor);
    } else if (!eng_string_is(scaling, "none")) {
        return eng_fail(in->err, ENG_UNSUPPORTED, "%s is \"%.*s\", expected none or linear", key,
                        (int)(scaling.len < 40 ? scaling.len : 40), scaling.text);
    }

    uint32_t half = model->rope_dim / 2;
    const struct eng_tensor *divisors = eng_gguf_find_tensor(in->gguf, "rope_freqs.weight");
    if (divisors &&
        (divisors->type != ENG_F32 || divisors->dims[0] != half || divisors->n_dims != 1))
        return eng_fail(in->err, ENG_BAD_FILE, "rope_freqs.weight: expected F32 [%" PRIu32 "]",
                        half);
    model->rope_frequency = malloc(half * sizeof(float));
    if (!model->rope_frequency) return eng_fail(in->err, ENG_NO_MEMORY, "out of memory for rope");
    for (uint32_t i = 0; i < half; i++) {
        double divisor = divisors ? ((const float *)divisors->data)[i] : 1.0;
        if (!(divisor > 0))
            return eng_fail(in->err, ENG_BAD_FILE, "rope_freqs.weight[%" PRIu32 "] is %g", i,
                            divisor);
        double frequency = pow((double)base, -2.0 * i / model->rope_dim);
        model->rope_frequency[i] = (float)(frequency / factor / divisor);
    }
    return ENG_OK;
}

static enum eng_status read_hyper_parameters(const struct eng_reader *in)
{
    struct eng_model_info *info = &in->model->info;
    enum eng_status status;
    const struct {
        const char *suffix;
        enum eng_need need;
        uint32_t low, high;
        uint32_t *out;
    } counts[] = {
        {"context_length", ENG_REQUIRED, 1, MAX_CONTEXT, &info->context},
        {"embedding_length", ENG_REQUIRED, 1, MAX_WIDTH, &info->d_model},
        {"block_count", ENG_REQUIRED, 1, MAX_LAYERS, &info->layers},
        {"feed_forward_length", ENG_REQUIRED, 1, MAX_WIDTH, &info->d_ff},
        {"attention.head_count", ENG_REQUIRED, 1, MAX_WIDTH, &info->heads},
        {"attention.head_count_kv", ENG_OPTIONAL, 1, MAX_WIDTH, &info->kv_heads},
        {"attention.key_length", ENG_OPTIONAL, 2, MAX_HEAD_DIM, &info->head_dim},
    };
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        status = eng_read_count(in, counts[i].suffix, counts[i].need, counts[i].low, counts[i].high,
                                counts[i].out);
        if (status != ENG_OK) return status;
        if (counts[i].out == &info->heads) { /* what the optional ones default to */
            info->kv_heads = info->heads;
            info->head_dim = info->d_model / info->heads;
        }
    }
    if (info->heads % info->kv_heads != 0)
        return eng_fail(in->err, ENG_BAD_FILE,
                        "%" PRIu32 " heads are no multiple of %" PRIu32 " key-value heads",
                        info->heads, info->kv_heads);
    if (info->heads / info->kv_heads > ENG_ATTEND_ROWS)
        return eng_fail(in->err, ENG_UNSUPPORTED,
                        "%" PRIu32 " heads share one key-value head, at "
                        "most %u are supported",
                        info->heads / info->kv_heads, ENG_ATTEND_ROWS);
    if (info->head_dim < 2 || info->head_dim % 2 != 0 ||
        (uint64_t)info->heads * info->head_dim > MAX_WIDTH)
        return eng_fail(in->err, ENG_BAD_FILE,
                        "%" PRIu32 " heads of %" PRIu32 " dimensions: expected "
                        "an even dimension and at most %u in all",
                        info->heads, info->head_dim, MAX_WIDTH);

    uint32_t value_length = info->head_dim;
    status = eng_read_count(in, "attention.value_length", ENG_OPTIONAL, info->head_dim,
                            info->head_dim, &value_length);
    if (status != ENG_OK) return status;

    char key[128];
    in->model->norm_epsilon = 1e-5f;
    status = eng_gguf_get_f32(in->gguf, eng_reader_key(in, "attention.layer_norm_rms_epsilon", key),
                              ENG_OPTIONAL, &in->model->norm_epsilon, in->err);
    if (status != ENG_OK) return status;
    if (!(in->model->norm_epsilon >= 0) || in->model->norm_epsilon > 1)
        return eng_fail(in->err, ENG_BAD_FILE, "%s is %g, expected 0 to 1", key,
                        in->model->norm_epsilon);

    if ((status = read_structure(in)) != ENG_OK) return status;
    if ((status = read_tree_positions(in)) != ENG_OK) return status;
    if ((status = refuse_sparse(in)) != ENG_OK) return status;
    if ((status = eng_sparse_read_keys(in)) != ENG_OK) return status;
    if ((status = eng_ngram_read_keys(in)) != ENG_OK) return status;
    if ((status = read_fim_order(in)) != ENG_OK) return status;
    status =
        eng_read_count(in, "prompt.outline", ENG_OPTIONAL, 0, info->context / 2, &info->outline);
    if (status != ENG_OK) return status;
    if ((status = read_confidence(in)) != ENG_OK) return status;
    if ((status = read_activation(in)) != ENG_OK) return status;
    return read_rope(in);
}

/* ---- Opening ----------------------------------------------------------------------- */

/* The type of a tensor that the file may lack. */
static const char *type_of(const struct eng_gguf *gguf, const char *name)
{
    const struct eng_tensor *tensor = eng_gguf_find_tensor(gguf, name);
    return tensor ? eng_type_info(tensor->type)->name : "none";
}

/* The most frequent type of matrices. */
static enum eng_tensor_type main_type(const struct eng_gguf *gguf)
{
    size_t best = 0, count = eng_gguf_tensor_count(gguf);
    enum eng_tensor_type type = ENG_F32;
    for (size_t i = 0; i < count; i++) {
        const struct eng_tensor *candidate = eng_gguf_tensor_at(gguf, i);
        size_t same = 0;
        if (candidate->n_dims < 2) continue;
        for (size_t j = i; j < count; j++) {
            const struct eng_tensor *other = eng_gguf_tensor_at(gguf, j);
            if (other->n_dims >= 2 && other->type == candidate->type) same++;
        }
        if (same > best) {
            best = same;
            type = candidate->type;
        }
    }
    return type;
}

/* Which arithmetic runs the products; see engine.h on ESPALIER_CPU and ESPALIER_PREFILL.
 * With a vector set our own kernels are the faster ones for every weight type, a little in
 * prefill and ten times in decoding (see product.c); OpenBLAS is for the rest. */
static enum eng_status choose_arithmetic(const struct eng_reader *in)
{
    struct eng_model *model = in->model;
    const char *set = getenv("ESPALIER_CPU"), *prefill = getenv("ESPALIER_PREFILL");

    model->kernels = eng_kernels_choose(set);
    if (!model->kernels)
        return eng_fail(in->err, ENG_UNSUPPORTED,
                        "ESPALIER_CPU is \"%.40s\", expected ref, avx2, avxvnni, avx512, "
                        "avx512vnni, amx, neon, neondotprod or neoni8mm, and a processor that has "
                        "it",
                        set);
    bool ours = set || model->kernels != eng_kernels_ref();
    if (prefill) {
        if (strcmp(prefill, "int8") != 0 && strcmp(prefill, "blas") != 0)
            return eng_fail(in->err, ENG_BAD_INPUT,
                            "ESPALIER_PREFILL is \"%.40s\", expected int8 or blas", prefill);
        ours = strcmp(prefill, "int8") == 0;
    }
    if (!ours) model->blas = eng_blas_load();

    struct eng_model_info *info = &model->info;
    info->kernels = model->kernels->name;
    info->products = ours ? "own" : model->blas ? "OpenBLAS" : "own, OpenBLAS not found";
    return ENG_OK;
}

/* A file without tensors is a vocabulary: its tokenizer works, sessions are refused. */
static enum eng_status read_vocabulary(const struct eng_reader *in)
{
    struct eng_model *model = in->model;
    enum eng_status status = eng_tokenizer_new(in->gguf, &model->tokenizer, in->err);
    if (status != ENG_OK) return status;
    model->info.vocab = (uint32_t)eng_tokenizer_vocab(model->tokenizer);
    model->info.weight_type = model->info.embedding_type = model->info.table_type = "none";
    model->info.kernels = model->info.products = model->info.policy = "none";
    return ENG_OK;
}

/* What all sessions share. */
static enum eng_status open_shared(const struct eng_reader *in,
                                   const struct eng_model_options *options)
{
    struct eng_model *model = in->model;
    uint64_t limit = options && options->cache_bytes ? options->cache_bytes : ENG_CACHE_BYTES;
    uint32_t wait = options && options->batch_wait_us ? options->batch_wait_us : ENG_BATCH_WAIT_US;
    enum eng_status status = eng_cache_new(model, limit, &model->cache, in->err);
    if (status == ENG_OK) status = eng_pass_new(model, &model->pass, in->err);
    if (status == ENG_OK) status = eng_queue_new(model, wait, &model->queue, in->err);
    return status;
}

enum eng_status eng_check_architecture(const struct eng_gguf *gguf, struct eng_error *err)
{
    struct eng_string name = {"", 0};
    enum eng_status status =
        eng_gguf_get_string(gguf, "general.architecture", ENG_OPTIONAL, &name, err);
    if (status != ENG_OK) return status;
    if (eng_string_is(name, "espalier") || eng_string_is(name, "llama")) return ENG_OK;
    return eng_fail(err, ENG_UNSUPPORTED,
                    "general.architecture is \"%.*s\", expected espalier or llama",
                    (int)(name.len < 40 ? name.len : 40), name.text);
}

static enum eng_status read_model(struct eng_reader *in, const char *path,
                                  const struct eng_model_options *options)
{
    struct eng_model *model = in->model;
    struct eng_model_info *info = &model->info;
    enum eng_status status;

    const char *base = strrchr(path, '/');
    status = copy_string(in, "general.name", base ? base + 1 : path, &model->name);
    if (status != ENG_OK) return status;
    status = copy_string(in, "general.license", "", &model->license);
    if (status != ENG_OK) return status;
    status = copy_string(in, "general.architecture", "", &model->architecture);
    if (status != ENG_OK) return status;
    info->name = model->name;
    info->architecture = model->architecture;
    info->license = model->license;
    info->file_bytes = eng_gguf_file_bytes(in->gguf);
    if (eng_gguf_tensor_count(in->gguf) == 0) return read_vocabulary(in);

    if ((status = eng_check_architecture(in->gguf, in->err)) != ENG_OK) return status;
    in->architecture = model->architecture;

    enum eng_tensor_type stored = main_type(in->gguf);
    info->weight_type = eng_type_info(stored)->name;
    info->embedding_type = type_of(in->gguf, "token_embd.weight");
    info->table_type = type_of(in->gguf, "ngram_embd.0.weight");
    for (size_t i = 0; i < eng_gguf_tensor_count(in->gguf); i++) {
        const struct eng_tensor *tensor = eng_gguf_tensor_at(in->gguf, i);
        info->parameters += tensor->dims[0] * tensor->dims[1] * tensor->dims[2] * tensor->dims[3];
    }

    if ((status = choose_arithmetic(in)) != ENG_OK) return status;
    if ((status = read_hyper_parameters(in)) != ENG_OK) return status;
    if ((status = eng_tokenizer_new(in->gguf, &model->tokenizer, in->err)) != ENG_OK) return status;
    status = eng_policy_take(model, options ? &options->policy : NULL, in->err);
    if (status != ENG_OK) return status;
    int threads = options ? options->threads : 0;
    status = eng_pool_new(threads > 0 ? threads : eng_default_threads(), &model->pool, in->err);
    if (status != ENG_OK) return status;
    return eng_read_weights(in);
}

enum eng_status eng_model_open(const char *path, const struct eng_model_options *options,
                               struct eng_model **out, struct eng_error *err)
{
    *out = NULL;
    if (options && (options->threads < 0 || options->threads > ENG_MAX_THREADS))
        return eng_fail(err, ENG_BAD_INPUT, "%d threads, expected 0 to %d", options->threads,
                        ENG_MAX_THREADS);
    struct eng_model *model = calloc(1, sizeof *model);
    if (!model) return eng_fail(err, ENG_NO_MEMORY, "out of memory for a model");

    enum eng_status status = eng_gguf_open(path, &model->gguf, err);
    if (status == ENG_OK) {
        struct eng_reader in = {.model = model,
                                .gguf = model->gguf,
                                .weights = options ? options->weights : ENG_WEIGHTS_AS_STORED,
                                .err = err};
        status = read_model(&in, path, options);
        if (status == ENG_OK && model->layers) status = open_shared(&in, options);
    }
    if (status != ENG_OK) {
        eng_model_close(model);
        return status;
    }
    *out = model;
    return ENG_OK;
}

void eng_model_close(struct eng_model *model)
{
    if (!model) return;
    for (uint32_t i = 0; model->layers && i < model->info.layers; i++) {
        struct eng_layer *layer = &model->layers[i];
        struct eng_matrix *matrices[] = {&layer->q,  &layer->k,    &layer->v,   &layer->o,
                                         &layer->up, &layer->gate, &layer->down};
        for (size_t m = 0; m < sizeof matrices / sizeof matrices[0]; m++)
            free(matrices[m]->owned);
        free(layer->attn_norm);
        free(layer->ffn_norm);
        free(layer->q_norm);
        free(layer->k_norm);
        free(layer->structure);
        free(layer->turns);
    }
    free(model->layers);
    free(model->packed);
    free(model->output.owned);
    free(model->ngram.projection.owned);
    free(model->output_norm);
    free(model->rope_frequency);
    eng_queue_free(model->queue);
    eng_pass_free(model->pass);
    eng_cache_free(model->cache);
    eng_pool_free(model->pool);
    eng_tokenizer_free(model->tokenizer);
    eng_gguf_close(model->gguf);
    free(model->name);
    free(model->architecture);
    free(model->license);
    free(model);
}

const struct eng_model_info *eng_model_info(const struct eng_model *model)
{
    return &model->info;
}

const struct eng_tokenizer *eng_model_tokenizer(const struct eng_model *model)
{
    return model->tokenizer;
}
