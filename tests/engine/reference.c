/* The forward pass in fp64, as plainly as it can be written: no cache, no chunks, one loop
 * for each sum. It reads the GGUF file by itself and shares no code with the engine but
 * the file reader. */
#include "tests/engine/random_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reference {
    struct eng_gguf *gguf;
    char architecture[16];
    bool interleaved, swiglu;
    char structure[24];
    size_t layers, d_model, d_ff, heads, kv_heads, dim, vocab, window;
    float epsilon, base;
    const struct eng_policy *policy; /* NULL: none */
};

static double half_value(uint16_t half)
{
    double sign = half & 0x8000 ? -1 : 1;
    int exponent = half >> 10 & 31;
    double fraction = half & 1023;
    if (exponent == 0) return sign * ldexp(fraction, -24);
    return sign * ldexp(1 + fraction / 1024, exponent - 15);
}

/* Two bits more above four of low: value i of a block of Q6_K. */
static double value_of_q6_k(const struct eng_block_q6_k *block, size_t i)
{
    size_t eighth = i / 32, column = i % 32;
    int low = block->ql[eighth / 4 * 64 + eighth % 2 * 32 + column] >> (eighth / 2 % 2 * 4) & 15;
    int high = block->qh[eighth / 4 * 32 + column] >> (eighth % 4 * 2) & 3;
    return half_value(block->d) * block->scales[i / 16] * (low + 16 * high - 32);
}

/* The k-th of the eight scales (of the eight minima: first = 4) of a block of Q4_K. */
static int six_bits(const uint8_t scales[12], size_t k, size_t first)
{
    if (k < 4) return scales[first + k] % 64;
    return (first == 0 ? scales[k + 4] % 16 : scales[k + 4] / 16) + scales[first + k - 4] / 64 * 16;
}

double stored_value(const void *data, enum eng_tensor_type type, size_t i)
{
    size_t half = i % 32 / 16, of_half = i % 16; /* of a block of 32 */
    if (type == ENG_F32) return ((const float *)data)[i];
    if (type == ENG_F16) return half_value(((const uint16_t *)data)[i]);
    if (type == ENG_BF16) {
        uint32_t bits = (uint32_t)((const uint16_t *)data)[i] << 16;
        float value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    if (type == ENG_Q4_0) {
        const struct eng_block_q4_0 *block = (const struct eng_block_q4_0 *)data + i / 32;
        return half_value(block->d) * ((block->qs[of_half] >> 4 * half & 15) - 8);
    }
    if (type == ENG_IQ4_NL) {
        static const double table[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                         1,    13,   25,  38,  53,  69,  89,  113};
        const struct eng_block_iq4_nl *block = (const struct eng_block_iq4_nl *)data + i / 32;
        return half_value(block->d) * table[block->qs[of_half] >> 4 * half & 15];
    }
    if (type == ENG_Q4_K) {
        const struct eng_block_q4_k *block = (const struct eng_block_q4_k *)data + i / 256;
        size_t k = i % 256 / 32;
        int code = block->qs[k / 2 * 32 + i % 32] >> 4 * (k % 2) & 15;
        return half_value(block->d) * six_bits(block->scales, k, 0) * code -
               half_value(block->dmin) * six_bits(block->scales, k, 4);
    }
    if (type == ENG_Q6_K)
        return value_of_q6_k((const struct eng_block_q6_k *)data + i / 256, i % 256);
    const struct eng_block_q8_0 *block = (const struct eng_block_q8_0 *)data + i / 32;
    return half_value(block->d) * block->qs[i % 32];
}

/* A tensor's values as fp64; the caller frees. NULL when there is no such tensor. */
static double *values_of(const struct reference *ref, const char *name)
{
    const struct eng_tensor *t = eng_gguf_find_tensor(ref->gguf, name);
    if (!t) return NULL;
    size_t n = (size_t)(t->dims[0] * t->dims[1] * t->dims[2] * t->dims[3]);
    double *out = malloc(n * sizeof *out);
    for (size_t i = 0; out && i < n; i++)
        out[i] = stored_value(t->data, t->type, i);
    return out;
}

static double *layer_values(const struct reference *ref, size_t layer, const char *suffix)
{
    char name[96];
    snprintf(name, sizeof name, "blk.%zu.%s", layer, suffix);
    return values_of(ref, name);
}

/* y[n, outputs] = x[n, cols] . weights[outputs, cols] */
static double *multiply(double *weights, size_t outputs, size_t cols, const double *x, size_t n)
{
    double *y = calloc(n * outputs, sizeof *y);
    for (size_t r = 0; r < n; r++)
        for (size_t o = 0; o < outputs; o++)
            for (size_t i = 0; i < cols; i++)
                y[r * outputs + o] += weights[o * cols + i] * x[r * cols + i];
    free(weights);
    return y;
}

static void normalise(const double *x, const double *weight, size_t n, double epsilon, double *out)
{
    double squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += x[i] * x[i];
    double factor = 1 / sqrt(squares / (double)n + epsilon);
    for (size_t i = 0; i < n; i++)
        out[i] = x[i] * factor * weight[i];
}

static double *normalise_rows(const struct reference *ref, const double *x, double *weight,
                              size_t n)
{
    double *out = malloc(n * ref->d_model * sizeof *out);
    for (size_t r = 0; r < n; r++)
        normalise(x + r * ref->d_model, weight, ref->d_model, ref->epsilon, out + r * ref->d_model);
    free(weight);
    return out;
}

static void rotate(const struct reference *ref, double *head, size_t position)
{
    size_t half = ref->dim / 2;
    for (size_t i = 0; i < half; i++) {
        double angle = (double)position * pow(ref->base, -2.0 * (double)i / (double)ref->dim);
        double *a = ref->interleaved ? &head[2 * i] : &head[i];
        double *b = ref->interleaved ? &head[2 * i + 1] : &head[half + i];
        double was_a = *a, was_b = *b;
        *a = was_a * cos(angle) - was_b * sin(angle);
        *b = was_a * sin(angle) + was_b * cos(angle);
    }
}

/* Tree positions: turns by depth and sibling number; frequency [2, kv_heads, dim / 2] or NULL. */
static void place(const struct reference *ref, double *head, const double *frequency, size_t kv,
                  const struct eng_record *record)
{
    size_t half = ref->dim / 2;
    double depth = record->depth < 32 ? record->depth : 32;
    double sibling = record->sibling < 32 ? record->sibling : 32;
    for (size_t i = 0; frequency && i < half; i++) {
        double angle = (depth * frequency[kv * half + i] +
                        sibling * frequency[(ref->kv_heads + kv) * half + i]) /
                       8;
        double a = head[i], b = head[half + i];
        head[i] = a * cos(angle) - b * sin(angle);
        head[half + i] = a * sin(angle) + b * cos(angle);
    }
}

static bool is(const struct reference *ref, const char *structure)
{
    return strcmp(ref->structure, structure) == 0;
}

/* Whether token i sees token j in a layer with this window (0: a dense one). */
static bool sees(size_t window, size_t i, size_t j, unsigned relation)
{
    return window == 0 || i - j < window || j < RANDOM_HEADER || relation == 10 ||
           (relation >= 1 && relation <= 8);
}

static double product(const double *q, const double *k, size_t dim)
{
    double sum = 0;
    for (size_t d = 0; d < dim; d++)
        sum += q[d] * k[d];
    return sum / sqrt((double)dim);
}

/* The best score of a query with a key between the extremes of a block, k [16, width]. */
static double reach(const double *q, const double *k, size_t width, size_t dim)
{
    double sum = 0;
    for (size_t d = 0; d < dim; d++) {
        double best = -INFINITY;
        for (size_t p = 0; p < 16; p++)
            best = fmax(best, q[d] * k[p * width + d]);
        sum += best;
    }
    return sum / sqrt((double)dim);
}

/* Whether the policy lets token i see a block of keys. q [heads, dim] are the token's queries, of
 * which those from head `first` on share the keys k [positions, kv_heads * dim], of one head. */
static bool policy_sees(const struct reference *ref, const double *q, const double *k, size_t first,
                        size_t i, size_t block)
{
    size_t own = i / 16, step = 1, width = ref->kv_heads * ref->dim;
    if (!ref->policy || block == 0 || block + 4 > own) return true;
    if (ref->policy->kind == ENG_POLICY_WINDOW) return block * 16 + 15 + ref->policy->window > i;
    while (step * step <= own)
        step *= 2;
    if (ref->policy->kind == ENG_POLICY_BLOCKS) return block + step > own || block % step == 0;
    for (size_t h = first; h < first + ref->heads / ref->kv_heads; h++) {
        double largest = -INFINITY;
        for (size_t j = 0; j <= i; j++)
            if (j < 16 || j / 16 + 4 > own)
                largest = fmax(largest, product(q + h * ref->dim, k + j * width, ref->dim));
        if (reach(q + h * ref->dim, k + block * 16 * width, width, ref->dim) >=
            largest - (double)ref->policy->margin)
            return true;
    }
    return false;
}

/* One head's attention of token i, whose queries are all [heads, dim]. */
static void attend(const struct reference *ref, const struct eng_input *inputs, const double *all,
                   const double *plain, const double *k, const double *v, const double *structure,
                   size_t window, size_t h, size_t i, double *out)
{
    size_t dim = ref->dim, width = ref->kv_heads * dim, kv = h / (ref->heads / ref->kv_heads);
    const double *q = all + h * dim;
    size_t shared = kv * (ref->heads / ref->kv_heads); /* the first head that shares the keys */
    double *w = calloc(i + 1, sizeof *w);
    bool *seen = calloc(i / 16 + 1, sizeof *seen);
    for (size_t block = 0; block <= i / 16; block++)
        seen[block] = policy_sees(ref, all, k + kv * dim, shared, i, block);
    double largest = -INFINITY, sum = 0;
    for (size_t j = 0; j <= i; j++) {
        unsigned r = naive_relation(inputs, i, j);
        double s = 0;
        for (size_t d = 0; d < dim; d++)
            s += q[d] * k[j * width + kv * dim + d];
        s /= sqrt((double)dim);
        if (is(ref, "additive")) s += structure[h * ENG_RELATIONS + r];
        if (is(ref, "multiplicative")) s *= log(1 + exp(structure[h * ENG_RELATIONS + r])) / log(2);
        if (is(ref, "additive_key"))
            for (size_t d = 0; d < dim; d++)
                s += plain[d] * structure[(h * ENG_RELATIONS + r) * dim + d] / sqrt((double)dim);
        w[j] = seen[j / 16] && sees(window, i, j, r) ? s : -INFINITY;
        if (w[j] > largest) largest = w[j];
    }
    for (size_t j = 0; j <= i; j++) {
        w[j] = exp(w[j] - largest);
        if (is(ref, "gated"))
            w[j] /= 1 + exp(-structure[h * ENG_RELATIONS + naive_relation(inputs, i, j)]);
        sum += w[j];
    }
    for (size_t d = 0; d < dim; d++) {
        out[d] = 0;
        for (size_t j = 0; j <= i; j++)
            out[d] += w[j] / sum * v[j * width + kv * dim + d];
    }
    free(seen);
    free(w);
}

static void attention(const struct reference *ref, const struct eng_input *inputs, size_t layer,
                      double *x, size_t n)
{
    size_t dim = ref->dim, q_dim = ref->heads * dim, kv_dim = ref->kv_heads * dim;
    double *h = normalise_rows(ref, x, layer_values(ref, layer, "attn_norm.weight"), n);
    double *q = multiply(layer_values(ref, layer, "attn_q.weight"), q_dim, ref->d_model, h, n);
    double *k = multiply(layer_values(ref, layer, "attn_k.weight"), kv_dim, ref->d_model, h, n);
    double *v = multiply(layer_values(ref, layer, "attn_v.weight"), kv_dim, ref->d_model, h, n);
    double *q_norm = layer_values(ref, layer, "attn_q_norm.weight");
    double *k_norm = layer_values(ref, layer, "attn_k_norm.weight");
    double *structure = layer_values(ref, layer, "attn_structure.weight");
    double *tree = layer_values(ref, layer, "attn_tree.weight");
    size_t window = RANDOM_SPARSE_LAYERS >> layer & 1 ? ref->window : 0;
    double *plain = malloc(n * q_dim * sizeof *plain), *mixed = malloc(n * q_dim * sizeof *mixed);

    for (size_t i = 0; i < n; i++) {
        for (size_t a = 0; a < ref->heads; a++) {
            double *head = q + i * q_dim + a * dim;
            if (q_norm) normalise(head, q_norm, dim, ref->epsilon, head);
            memcpy(plain + i * q_dim + a * dim, head, dim * sizeof *head);
            rotate(ref, head, i);
            place(ref, head, tree, a / (ref->heads / ref->kv_heads), &inputs[i].record);
        }
        for (size_t a = 0; a < ref->kv_heads; a++) {
            double *head = k + i * kv_dim + a * dim;
            if (k_norm) normalise(head, k_norm, dim, ref->epsilon, head);
            rotate(ref, head, i);
            place(ref, head, tree, a, &inputs[i].record);
        }
    }
    for (size_t i = 0; i < n; i++)
        for (size_t a = 0; a < ref->heads; a++)
            attend(ref, inputs, q + i * q_dim, plain + i * q_dim + a * dim, k, v, structure, window,
                   a, i, mixed + i * q_dim + a * dim);
    double *result =
        multiply(layer_values(ref, layer, "attn_output.weight"), ref->d_model, q_dim, mixed, n);
    for (size_t i = 0; i < n * ref->d_model; i++)
        x[i] += result[i];
    void *all[] = {h, q, k, v, q_norm, k_norm, structure, tree, plain, mixed, result};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

static void feed_forward(const struct reference *ref, size_t layer, double *x, size_t n)
{
    double *h = normalise_rows(ref, x, layer_values(ref, layer, "ffn_norm.weight"), n);
    double *up = multiply(layer_values(ref, layer, "ffn_up.weight"), ref->d_ff, ref->d_model, h, n);
    if (ref->swiglu) {
        double *gate =
            multiply(layer_values(ref, layer, "ffn_gate.weight"), ref->d_ff, ref->d_model, h, n);
        for (size_t i = 0; i < n * ref->d_ff; i++)
            up[i] *= gate[i] / (1 + exp(-gate[i]));
        free(gate);
    } else {
        for (size_t i = 0; i < n * ref->d_ff; i++)
            up[i] = up[i] > 0 ? up[i] * up[i] : 0;
    }
    double *result =
        multiply(layer_values(ref, layer, "ffn_down.weight"), ref->d_model, ref->d_ff, up, n);
    for (size_t i = 0; i < n * ref->d_model; i++)
        x[i] += result[i];
    free(h);
    free(up);
    free(result);
}

static size_t number(const struct reference *ref, const char *suffix);

/* The hash of the model format: 32-bit arithmetic, written in 64 bits. */
static uint64_t bucket(const struct eng_input *inputs, size_t position, size_t order,
                       size_t buckets)
{
    static const uint64_t factor[] = {0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f};
    const uint64_t mask = 0xffffffff;
    uint64_t h = ((uint64_t)inputs[position].id + 1) * factor[0] & mask;
    for (size_t k = 1; k < order; k++) {
        uint64_t before = position >= k ? (uint64_t)inputs[position - k].id + 1 : 0;
        h ^= before * factor[k] & mask;
        h = (h ^ h >> 15) * 0x2c1b3c6d & mask;
    }
    h = (h ^ h >> 13) * 0x297a2d39 & mask;
    return (h ^ h >> 16) % buckets;
}

/* x += P [rows of the tables] */
static void add_ngrams(const struct reference *ref, const struct eng_input *inputs, double *x,
                       size_t n)
{
    struct eng_array orders = {0};
    if (eng_gguf_get_array(ref->gguf, "espalier.ngram.orders", ENG_REQUIRED, ENG_INTEGERS, &orders,
                           NULL) != ENG_OK)
        return;
    size_t count = (size_t)orders.left, length = number(ref, "ngram.length");
    size_t buckets = number(ref, "ngram.buckets"), width = count * length;
    double *rows = malloc(n * width * sizeof *rows);
    for (size_t t = 0; t < count; t++) {
        char name[64];
        int64_t order = 0;
        eng_array_next_i64(&orders, &order);
        snprintf(name, sizeof name, "ngram_embd.%zu.weight", t);
        double *table = values_of(ref, name);
        for (size_t i = 0; i < n; i++)
            memcpy(rows + i * width + t * length,
                   table + bucket(inputs, i, (size_t)order, buckets) * length,
                   length * sizeof *rows);
        free(table);
    }
    double *added = multiply(values_of(ref, "ngram_proj.weight"), ref->d_model, width, rows, n);
    for (size_t i = 0; i < n * ref->d_model; i++)
        x[i] += added[i];
    free(added);
    free(rows);
}

static size_t number(const struct reference *ref, const char *suffix)
{
    char name[96];
    uint32_t value = 0;
    snprintf(name, sizeof name, "%s.%s", ref->architecture, suffix);
    eng_gguf_get_u32(ref->gguf, name, ENG_REQUIRED, &value, NULL);
    return value;
}

static void text(const struct reference *ref, const char *suffix, char *out, size_t size)
{
    char name[96];
    struct eng_string value = {"none", 4};
    snprintf(name, sizeof name, "%s.%s", ref->architecture, suffix);
    eng_gguf_get_string(ref->gguf, name, ENG_OPTIONAL, &value, NULL);
    snprintf(out, size, "%.*s", (int)value.len, value.text);
}

static void read_keys(struct reference *ref)
{
    struct eng_string architecture = {"", 0};
    char activation[16], name[96];
    eng_gguf_get_string(ref->gguf, "general.architecture", ENG_REQUIRED, &architecture, NULL);
    snprintf(ref->architecture, sizeof ref->architecture, "%.*s", (int)architecture.len,
             architecture.text);
    ref->interleaved = strcmp(ref->architecture, "llama") == 0;
    text(ref, "attention.structure", ref->structure, sizeof ref->structure);
    text(ref, "feed_forward.activation", activation, sizeof activation);
    ref->swiglu = strcmp(activation, "swiglu") == 0;
    ref->layers = number(ref, "block_count");
    ref->d_model = number(ref, "embedding_length");
    ref->d_ff = number(ref, "feed_forward_length");
    ref->heads = number(ref, "attention.head_count");
    ref->kv_heads = number(ref, "attention.head_count_kv");
    ref->dim = number(ref, "attention.key_length");
    ref->window = number(ref, "attention.window");
    ref->vocab = (size_t)eng_gguf_find_tensor(ref->gguf, "token_embd.weight")->dims[1];
    snprintf(name, sizeof name, "%s.rope.freq_base", ref->architecture);
    eng_gguf_get_f32(ref->gguf, name, ENG_REQUIRED, &ref->base, NULL);
    snprintf(name, sizeof name, "%s.attention.layer_norm_rms_epsilon", ref->architecture);
    eng_gguf_get_f32(ref->gguf, name, ENG_REQUIRED, &ref->epsilon, NULL);
}

enum eng_status reference_logits(const char *path, const struct eng_policy *policy,
                                 const struct eng_input *inputs, size_t n, double *out,
                                 struct eng_error *err)
{
    struct reference ref = {.policy = policy};
    enum eng_status status = eng_gguf_open(path, &ref.gguf, err);
    if (status != ENG_OK) return status;
    read_keys(&ref);

    double *embedding = values_of(&ref, "token_embd.weight");
    double *x = malloc(n * ref.d_model * sizeof *x);
    for (size_t i = 0; i < n; i++)
        memcpy(x + i * ref.d_model, embedding + (size_t)inputs[i].id * ref.d_model,
               ref.d_model * sizeof *x);
    add_ngrams(&ref, inputs, x, n);
    for (size_t layer = 0; layer < ref.layers; layer++) {
        attention(&ref, inputs, layer, x, n);
        feed_forward(&ref, layer, x, n);
    }
    double *h = normalise_rows(&ref, x, values_of(&ref, "output_norm.weight"), n);
    double *output = values_of(&ref, "output.weight");
    if (!output) output = values_of(&ref, "token_embd.weight");
    double *logits = multiply(output, ref.vocab, ref.d_model, h, n);
    memcpy(out, logits, n * ref.vocab * sizeof *out);
    free(logits);
    free(h);
    free(x);
    free(embedding);
    eng_gguf_close(ref.gguf);
    return ENG_OK;
}
