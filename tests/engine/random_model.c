/* Random models for tests and benches. Weights have the variance that keeps activations at
 * unit size, norm weights lie around 1, structure parameters around 0: a model whose logits
 * move with every part of it. */
#include "tests/engine/random_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool random_model_set_runs(void)
{
    struct eng_hardware hardware;
    const char *set = getenv("ESPALIER_CPU");
    eng_hardware_get(&hardware);
    return !set || strcmp(set, hardware.kernels) == 0;
}

double random_uniform(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (double)(z >> 11) * 0x1p-53;
}

uint32_t random_below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(random_uniform(state) * n);
}

/* ---- Weights in a file's types ----------------------------------------------------- */

static uint16_t half_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000u;
    int exponent = (int)(bits >> 23 & 0xff) - 112;
    uint32_t fraction = bits & 0x7fffffu;
    if (exponent <= 0) { /* subnormal: whole multiples of 2^-24 */
        return (uint16_t)(sign | (uint32_t)lrintf(fabsf(value) * 0x1p24f));
    }
    if (exponent >= 31) return (uint16_t)(sign | 0x7c00u);
    uint32_t half = (uint32_t)exponent << 10 | fraction >> 13;
    uint32_t rest = fraction & 0x1fffu;
    if (rest > 0x1000u || (rest == 0x1000u && half & 1)) half++;
    return (uint16_t)(sign | half);
}

/* The value of the largest magnitude becomes -8, the others what is nearest. */
static void encode_q4_0(const float values[32], struct eng_block_q4_0 *block)
{
    float largest = 0;
    for (size_t i = 0; i < 32; i++)
        if (fabsf(values[i]) > fabsf(largest)) largest = values[i];
    float inverse = largest != 0 ? -8 / largest : 0;
    block->d = half_of(largest / -8);
    for (size_t i = 0; i < 16; i++) {
        long low = lrintf(fminf(values[i] * inverse, 7)) + 8;
        long high = lrintf(fminf(values[i + 16] * inverse, 7)) + 8;
        block->qs[i] = (uint8_t)(low | high << 4);
    }
}

static float largest_of(const float *values, size_t n)
{
    float largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmaxf(largest, fabsf(values[i]));
    return largest;
}

static long between(long low, long value, long high)
{
    return value < low ? low : value > high ? high : value;
}

static void encode_iq4_nl(const float values[32], struct eng_block_iq4_nl *block)
{
    float scale = largest_of(values, 32) / 127;
    block->d = half_of(scale);
    memset(block->qs, 0, sizeof block->qs);
    for (size_t i = 0; i < 32; i++) {
        unsigned best = 0;
        for (unsigned q = 1; q < 16; q++)
            if (fabsf(scale * eng_iq4_nl_values[q] - values[i]) <
                fabsf(scale * eng_iq4_nl_values[best] - values[i]))
                best = q;
        block->qs[i % 16] |= (uint8_t)(best << i / 16 * 4);
    }
}

/* Each block of 32 lies around 0: its minimum is half of its range. */
static void encode_q4_k(const float values[256], struct eng_block_q4_k *block)
{
    float unit = largest_of(values, 256) / 63;
    memset(block, 0, sizeof *block);
    block->d = half_of(unit * 2 / 15);
    block->dmin = half_of(unit);
    for (size_t k = 0; k < 8; k++) {
        const float *part = values + 32 * k;
        uint8_t six = (uint8_t)(unit > 0 ? ceilf(largest_of(part, 32) / unit) : 0);
        if (six > 63) six = 63;
        if (k < 4) {
            block->scales[k] |= six;
            block->scales[k + 4] |= six;
        } else {
            block->scales[k + 4] = (uint8_t)((six & 15) * 17);
            block->scales[k - 4] |= (uint8_t)(six >> 4 << 6);
            block->scales[k] |= (uint8_t)(six >> 4 << 6);
        }
        for (size_t i = 0; i < 32; i++) {
            float steps = six > 0 ? (part[i] / unit / six + 1) * 7.5f : 0;
            block->qs[k / 2 * 32 + i] |= (uint8_t)(between(0, lrintf(steps), 15) << k % 2 * 4);
        }
    }
}

static void encode_q6_k(const float values[256], struct eng_block_q6_k *block)
{
    float unit = largest_of(values, 256) / 127;
    memset(block, 0, sizeof *block);
    block->d = half_of(unit / 31);
    for (size_t i = 0; i < 256; i++) {
        size_t eighth = i / 32, low = eighth / 4 * 64 + eighth % 2 * 32 + i % 32;
        float scale = unit > 0 ? ceilf(largest_of(values + i / 16 * 16, 16) / unit) : 0;
        if (i / 16 % 3 == 1) scale = -scale;
        block->scales[i / 16] = (int8_t)between(-127, (long)scale, 127);
        long q = scale != 0 ? lrintf(values[i] / unit / scale * 31) : 0;
        unsigned code = (unsigned)(between(-32, q, 31) + 32);
        block->ql[low] |= (uint8_t)((code & 15) << eighth / 2 % 2 * 4);
        block->qh[eighth / 4 * 32 + i % 32] |= (uint8_t)(code >> 4 << eighth % 4 * 2);
    }
}

static void *encode(const float *values, size_t n, enum eng_tensor_type type)
{
    uint64_t bytes = 0;
    if (!eng_type_bytes(type, n, &bytes)) return NULL;
    void *out = malloc(bytes);
    if (!out) return NULL;
    if (type == ENG_F32) memcpy(out, values, bytes);
    for (size_t i = 0; i < n && type == ENG_F16; i++)
        ((uint16_t *)out)[i] = half_of(values[i]);
    for (size_t i = 0; i < n && type == ENG_BF16; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        ((uint16_t *)out)[i] = (uint16_t)(bits >> 16);
    }
    for (size_t b = 0; b < n / 32 && type == ENG_Q8_0; b++) {
        struct eng_block_q8_0 *block = (struct eng_block_q8_0 *)out + b;
        float largest = largest_of(values + b * 32, 32);
        block->d = half_of(largest / 127);
        for (size_t i = 0; i < 32; i++)
            block->qs[i] = (int8_t)(largest > 0 ? lrintf(values[b * 32 + i] * 127 / largest) : 0);
    }
    for (size_t b = 0; b < n / 32 && type == ENG_Q4_0; b++)
        encode_q4_0(values + b * 32, (struct eng_block_q4_0 *)out + b);
    for (size_t b = 0; b < n / 32 && type == ENG_IQ4_NL; b++)
        encode_iq4_nl(values + b * 32, (struct eng_block_iq4_nl *)out + b);
    for (size_t b = 0; b < n / 256 && type == ENG_Q4_K; b++)
        encode_q4_k(values + b * 256, (struct eng_block_q4_k *)out + b);
    for (size_t b = 0; b < n / 256 && type == ENG_Q6_K; b++)
        encode_q6_k(values + b * 256, (struct eng_block_q6_k *)out + b);
    return out;
}

/* ---- Writing ----------------------------------------------------------------------- */

struct writer {
    struct eng_gguf_writer *gguf;
    const struct random_model *spec;
    uint64_t state;
    void *kept[4096]; /* tensor data, which has to live until save */
    size_t n_kept, n_matrices;
    bool failed, unusable; /* unusable: the borrowed vocabulary */
};

/* A tensor of values center + spread * uniform in [-1, 1). */
static void put(struct writer *w, const char *name, enum eng_tensor_type type, uint64_t d0,
                uint64_t d1, uint64_t d2, float center, float spread)
{
    uint64_t dims[3] = {d0, d1 ? d1 : 1, d2 ? d2 : 1};
    size_t n = (size_t)(dims[0] * dims[1] * dims[2]);
    float *values = malloc(n * sizeof *values);
    if (!values || w->n_kept == sizeof w->kept / sizeof w->kept[0]) {
        free(values);
        w->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        values[i] = center + spread * (float)(2 * random_uniform(&w->state) - 1);
    void *data = encode(values, n, type);
    free(values);
    if (!data) {
        w->failed = true;
        return;
    }
    w->kept[w->n_kept++] = data;
    eng_gguf_put_tensor(w->gguf, name, type, d2 ? 3 : d1 ? 2 : 1, dims, data);
}

static void put_matrix(struct writer *w, const char *name, uint32_t cols, uint32_t rows, float gain)
{
    enum eng_tensor_type other = w->spec->other_type ? w->spec->other_type : ENG_Q4_0;
    bool mixed = w->spec->mixed && w->n_matrices++ % 2 == 1;
    put(w, name, mixed ? other : w->spec->type, cols, rows, 0, 0, gain * sqrtf(3.0f / (float)cols));
}

static enum eng_tensor_type table_type(const struct writer *w)
{
    return w->spec->table_type != ENG_F32 ? w->spec->table_type : w->spec->type;
}

static void put_layer(struct writer *w, uint32_t number)
{
    const struct random_model *m = w->spec;
    uint32_t q_dim = m->heads * m->head_dim, kv_dim = m->kv_heads * m->head_dim;
    char name[64];
#define NAMED(suffix) (snprintf(name, sizeof name, "blk.%u." suffix, (unsigned)number), name)
    put(w, NAMED("attn_norm.weight"), ENG_F32, m->d_model, 0, 0, 1, 0.3f);
    put_matrix(w, NAMED("attn_q.weight"), m->d_model, q_dim, 1.5f);
    put_matrix(w, NAMED("attn_k.weight"), m->d_model, kv_dim, 1.5f);
    put_matrix(w, NAMED("attn_v.weight"), m->d_model, kv_dim, 1);
    put_matrix(w, NAMED("attn_output.weight"), q_dim, m->d_model, 1);
    if (m->qk_norm) {
        put(w, NAMED("attn_q_norm.weight"), ENG_F32, m->head_dim, 0, 0, 1, 0.4f);
        put(w, NAMED("attn_k_norm.weight"), ENG_F32, m->head_dim, 0, 0, 1, 0.4f);
    }
    if (m->structure && strcmp(m->structure, "additive_key") == 0)
        put(w, NAMED("attn_structure.weight"), ENG_F32, m->head_dim, ENG_RELATIONS, m->heads, 0, 1);
    else if (m->structure && strcmp(m->structure, "none") != 0)
        put(w, NAMED("attn_structure.weight"), ENG_F32, ENG_RELATIONS, m->heads, 0, 0, 2);
    put(w, NAMED("ffn_norm.weight"), ENG_F32, m->d_model, 0, 0, 1, 0.3f);
    if (strcmp(m->activation, "swiglu") == 0)
        put_matrix(w, NAMED("ffn_gate.weight"), m->d_model, m->d_ff, 1);
    put_matrix(w, NAMED("ffn_up.weight"), m->d_model, m->d_ff, 1);
    put_matrix(w, NAMED("ffn_down.weight"), m->d_ff, m->d_model, 1);
#undef NAMED
}

static void put_ngrams(struct writer *w)
{
    const struct random_model *m = w->spec;
    for (uint32_t i = 0; i < m->ngrams; i++) {
        char name[64];
        snprintf(name, sizeof name, "ngram_embd.%u.weight", (unsigned)i);
        put(w, name, table_type(w), RANDOM_NGRAM_LENGTH, RANDOM_NGRAM_BUCKETS, 0, 0, 1);
    }
    if (m->ngrams > 0)
        put_matrix(w, "ngram_proj.weight", m->ngrams * RANDOM_NGRAM_LENGTH, m->d_model, 1);
}

static void put_number(struct writer *w, const char *suffix, uint32_t value)
{
    char name[96];
    snprintf(name, sizeof name, "%s.%s", w->spec->architecture, suffix);
    eng_gguf_put_u32(w->gguf, name, value);
}

static void put_text(struct writer *w, const char *name, const char *value)
{
    struct eng_string text = {value, strlen(value)};
    eng_gguf_put_string(w->gguf, name, text);
}

/* GPT-2's printable form of a byte: bytes that print stand for themselves, the others for
 * the characters from U+0100 on. */
static size_t byte_form(unsigned byte, char out[4])
{
    unsigned code = byte;
    if (byte < 33 || (byte > 126 && byte < 161) || byte == 173) {
        code = 256;
        for (unsigned b = 0; b < byte; b++)
            if (b < 33 || (b > 126 && b < 161) || b == 173) code++;
    }
    if (code < 128) {
        out[0] = (char)code;
        return 1;
    }
    out[0] = (char)(0xc0 | code >> 6);
    out[1] = (char)(0x80 | (code & 0x3f));
    return 2;
}

/* Tokens of which a vocabulary has too few, "filler" and their number: they are in no text. */
static void fill(struct eng_string *tokens, int32_t *types, char (*text)[24], uint32_t from,
                 uint32_t vocab)
{
    for (uint32_t i = from; i < vocab; i++) {
        size_t len = (size_t)snprintf(text[i], sizeof text[i], "filler%u", (unsigned)i);
        tokens[i] = (struct eng_string){text[i], len};
        types[i] = 1;
    }
}

static void put_own_vocabulary(struct writer *w, struct eng_string *tokens, int32_t *types,
                               char (*text)[24])
{
    static const char *const special[] = {"<|end|>",        "<|pad|>",        "<|fim_prefix|>",
                                          "<|fim_suffix|>", "<|fim_middle|>", "<|file|>"};
    for (uint32_t i = 0; i < 262; i++) {
        size_t len = i < 6 ? (size_t)snprintf(text[i], sizeof text[i], "%s", special[i])
                           : byte_form(i - 6, text[i]);
        tokens[i] = (struct eng_string){text[i], len};
        types[i] = i < 6 ? 3 : 1;
    }
    eng_gguf_put_strings(w->gguf, "tokenizer.ggml.merges", NULL, 0);
    eng_gguf_put_u32(w->gguf, "tokenizer.ggml.eos_token_id", 0);
}

/* The tokens and merges of another file, whose strings live while it is open; returns how many
 * tokens it has, 0 when they do not fit. */
static uint32_t borrow_vocabulary(struct writer *w, const struct eng_gguf *from,
                                  struct eng_string *tokens, int32_t *types)
{
    struct eng_array names, kinds, merges;
    uint32_t n = 0, end = 0;
    int64_t kind = 0;
    if (eng_gguf_get_array(from, "tokenizer.ggml.tokens", ENG_REQUIRED, ENG_STRINGS, &names,
                           NULL) != ENG_OK ||
        eng_gguf_get_array(from, "tokenizer.ggml.token_type", ENG_REQUIRED, ENG_INTEGERS, &kinds,
                           NULL) != ENG_OK ||
        eng_gguf_get_array(from, "tokenizer.ggml.merges", ENG_REQUIRED, ENG_STRINGS, &merges,
                           NULL) != ENG_OK ||
        eng_gguf_get_u32(from, "tokenizer.ggml.eos_token_id", ENG_REQUIRED, &end, NULL) != ENG_OK ||
        names.left != kinds.left || names.left > w->spec->vocab)
        return 0;
    for (; eng_array_next_string(&names, &tokens[n]) && eng_array_next_i64(&kinds, &kind); n++)
        types[n] = (int32_t)kind;
    size_t n_merges = 0;
    struct eng_string *pairs = calloc((size_t)merges.left + 1, sizeof *pairs);
    while (pairs && eng_array_next_string(&merges, &pairs[n_merges]))
        n_merges++;
    if (pairs) eng_gguf_put_strings(w->gguf, "tokenizer.ggml.merges", pairs, n_merges);
    eng_gguf_put_u32(w->gguf, "tokenizer.ggml.eos_token_id", end);
    free(pairs);
    return pairs ? n : 0;
}

static void put_vocabulary(struct writer *w)
{
    uint32_t vocab = w->spec->vocab, known = 262;
    bool llama =
        strcmp(w->spec->architecture, "llama") == 0; /* others' engines know no split of ours */
    struct eng_gguf *from = NULL;
    struct eng_string *tokens = calloc(vocab, sizeof *tokens);
    int32_t *types = calloc(vocab, sizeof *types);
    char(*text)[24] = calloc(vocab, sizeof *text);
    if (!tokens || !types || !text)
        known = 0;
    else if (!w->spec->vocabulary)
        put_own_vocabulary(w, tokens, types, text);
    else
        known = eng_gguf_open(w->spec->vocabulary, &from, NULL) == ENG_OK
                    ? borrow_vocabulary(w, from, tokens, types)
                    : 0;
    if (known > 0) {
        fill(tokens, types, text, known, vocab);
        put_text(w, "tokenizer.ggml.model", "gpt2");
        put_text(w, "tokenizer.ggml.pre", llama ? "gpt-2" : "espalier");
        eng_gguf_put_strings(w->gguf, "tokenizer.ggml.tokens", tokens, vocab);
        eng_gguf_put_i32s(w->gguf, "tokenizer.ggml.token_type", types, vocab);
    }
    w->failed |= known == 0;
    w->unusable |= known == 0 && text && w->spec->vocabulary;
    eng_gguf_close(from);
    free(tokens);
    free(types);
    free(text);
}

static void put_keys(struct writer *w)
{
    const struct random_model *m = w->spec;
    char name[96];
    put_text(w, "general.architecture", m->architecture);
    put_text(w, "general.name", "random");
    put_number(w, "context_length", m->context);
    put_number(w, "embedding_length", m->d_model);
    put_number(w, "block_count", m->layers);
    put_number(w, "feed_forward_length", m->d_ff);
    put_number(w, "attention.head_count", m->heads);
    put_number(w, "attention.head_count_kv", m->kv_heads);
    put_number(w, "attention.key_length", m->head_dim);
    if (m->window > 0) {
        put_number(w, "attention.window", m->window);
        put_number(w, "attention.header", RANDOM_HEADER);
        put_number(w, "attention.sparse_layers",
                   m->sparse_layers ? m->sparse_layers : RANDOM_SPARSE_LAYERS);
    }
    if (m->tree_positions) eng_gguf_put_bool(w->gguf, "espalier.tree.positions", true);
    const int32_t orders[] = {2, 3, 4};
    if (m->ngrams > 0) {
        eng_gguf_put_i32s(w->gguf, "espalier.ngram.orders", orders, m->ngrams);
        put_number(w, "ngram.buckets", RANDOM_NGRAM_BUCKETS);
        put_number(w, "ngram.length", RANDOM_NGRAM_LENGTH);
    }
    snprintf(name, sizeof name, "%s.attention.layer_norm_rms_epsilon", m->architecture);
    eng_gguf_put_f32(w->gguf, name, 1e-5f);
    snprintf(name, sizeof name, "%s.rope.freq_base", m->architecture);
    eng_gguf_put_f32(w->gguf, name, 10000);
    snprintf(name, sizeof name, "%s.feed_forward.activation", m->architecture);
    put_text(w, name, m->activation);
    snprintf(name, sizeof name, "%s.attention.structure", m->architecture);
    if (m->structure) put_text(w, name, m->structure);
    snprintf(name, sizeof name, "%s.fim.order", m->architecture);
    if (m->fim_order) put_text(w, name, m->fim_order);
}

enum eng_status random_model_write(const struct random_model *spec, const char *path,
                                   struct eng_error *err)
{
    struct writer *w = calloc(1, sizeof *w);
    if (!w) return ENG_NO_MEMORY;
    w->gguf = eng_gguf_writer_new();
    w->spec = spec;
    w->state = spec->seed;
    put_keys(w);
    put_vocabulary(w);
    put(w, "token_embd.weight", table_type(w), spec->d_model, spec->vocab, 0, 0, 1);
    if (!spec->tied) put_matrix(w, "output.weight", spec->d_model, spec->vocab, 2);
    for (uint32_t i = 0; i < spec->layers; i++)
        put_layer(w, i);
    put(w, "output_norm.weight", ENG_F32, spec->d_model, 0, 0, 1, 0.3f);
    for (uint32_t i = 0; i < spec->layers && spec->tree_positions; i++) {
        char name[64];
        snprintf(name, sizeof name, "blk.%u.attn_tree.weight", (unsigned)i);
        put(w, name, ENG_F32, spec->head_dim / 2, spec->kv_heads, 2, 0, 2);
    }
    put_ngrams(w); /* last: the values of what is before it stay as they are */

    enum eng_status status = w->failed ? ENG_NO_MEMORY : eng_gguf_writer_save(w->gguf, path, err);
    if (w->failed && err) snprintf(err->text, sizeof err->text, "out of memory");
    if (w->unusable) {
        status = ENG_BAD_FILE;
        if (err)
            snprintf(err->text, sizeof err->text, "%s: expected a GGUF file of at most %u tokens",
                     spec->vocabulary, (unsigned)spec->vocab);
    }
    eng_gguf_writer_free(w->gguf);
    for (size_t i = 0; i < w->n_kept; i++)
        free(w->kept[i]);
    free(w);
    return status;
}

/* ---- Inputs ------------------------------------------------------------------------ */

void random_inputs(uint64_t seed, uint32_t vocab, struct eng_input *out, size_t n)
{
    int32_t open[64]; /* starts of the open nodes, outermost first */
    size_t depth = 0;
    uint64_t state = seed;
    for (size_t i = 0; i < n; i++) {
        struct eng_input *input = &out[i];
        memset(input, 0, sizeof *input);
        input->id = (int32_t)random_below(&state, vocab);
        input->record.segment = (uint8_t)(i * 4 / (n > 0 ? n : 1));
        input->record.depth = (uint8_t)depth;
        input->record.kind = (uint8_t)random_below(&state, 33);
        input->record.sibling = (uint8_t)(i % 7 * (i % 11)); /* past the last step at times */
        for (size_t l = 0; l < ENG_LEVELS; l++)
            input->record.chain[l] = l < depth ? open[depth - 1 - l] : -1;
        double dice = random_uniform(&state);
        if (dice < 0.3 && depth < 20) open[depth++] = (int32_t)i;
        if (dice > 0.75 && depth > 0) depth--;
    }
}

unsigned naive_relation(const struct eng_input *inputs, size_t i, size_t j)
{
    const struct eng_record *q = &inputs[i].record, *k = &inputs[j].record;
    int q_group = q->segment == 3 ? 2 : q->segment, k_group = k->segment == 3 ? 2 : k->segment;
    if (q_group != k_group) return 11;
    for (unsigned l = 1; l <= ENG_LEVELS; l++)
        if (q->chain[l - 1] == (int32_t)j) return l;
    if (q->chain[0] >= 0 && (int32_t)j > q->chain[0]) {
        if (j < i && k->chain[0] == q->chain[0]) return 10;
        return 9;
    }
    return 0;
}
