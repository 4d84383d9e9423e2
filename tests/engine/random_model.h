/* random_model.h: small models with random weights, written as GGUF files by the tests, and
 * a plain fp64 forward pass over such a file to compare the engine with. */
#ifndef ESPALIER_TESTS_RANDOM_MODEL_H
#define ESPALIER_TESTS_RANDOM_MODEL_H

#include "engine/engine.h"
#include "engine/gguf.h"

/* Of models with sparse layers. */
#define RANDOM_HEADER        5u
#define RANDOM_SPARSE_LAYERS 0x55555555u

/* Of each table of n-grams. */
#define RANDOM_NGRAM_BUCKETS 37u
#define RANDOM_NGRAM_LENGTH  32u

struct random_model {
    const char *architecture;        /* "espalier", "llama" */
    const char *structure;           /* NULL: no key */
    const char *activation;          /* "relu2", "swiglu" */
    enum eng_tensor_type type;       /* of matrices, and of tables ... */
    enum eng_tensor_type table_type; /* ... unless this is not ENG_F32 */
    bool mixed;                      /* each second matrix is of another type ... */
    enum eng_tensor_type other_type; /* ... Q4_0 where this is ENG_F32 */
    uint32_t layers, d_model, heads, kv_heads, head_dim, d_ff, vocab, context;
    bool tied, qk_norm, tree_positions;
    uint32_t window;        /* of the sparse layers; 0: none */
    uint32_t sparse_layers; /* a bit each; 0: RANDOM_SPARSE_LAYERS */
    uint32_t ngrams;        /* tables of n-grams, of orders 2, 3 ... */
    const char *vocabulary; /* a GGUF file whose tokens and merges it has, then fillers; NULL: see
                               random_model_write */
    const char *fim_order;  /* "psm", "spm"; NULL: no key */
    uint64_t seed;
};

/* Writes the model; vocab is at least 262: 6 special tokens, 256 bytes, fillers; and no less than
 * a borrowed vocabulary has. */
enum eng_status random_model_write(const struct random_model *spec, const char *path,
                                   struct eng_error *err);

/* False when ESPALIER_CPU names a kernel set that this processor does not run. */
bool random_model_set_runs(void);

/* Deterministic: uniform in [0, 1), and a whole number below n. */
double random_uniform(uint64_t *state);
uint32_t random_below(uint64_t *state, uint32_t n);

/* n inputs as a prompt lays them out: context, suffix, prefix, middle, with chains of
 * earlier positions, ascending towards the token. */
void random_inputs(uint64_t seed, uint32_t vocab, struct eng_input *out, size_t n);

/* The relation r(i, j) by the rule of the model format, written down naively. */
unsigned naive_relation(const struct eng_input *inputs, size_t i, size_t j);

/* Value i of a tensor of a type that the engine runs, decoded by itself. */
double stored_value(const void *data, enum eng_tensor_type type, size_t i);

/* Logits [n, vocab] of every position, all arithmetic in fp64 on the weights as stored. policy:
 * NULL, or one that leaves something out. */
enum eng_status reference_logits(const char *path, const struct eng_policy *policy,
                                 const struct eng_input *inputs, size_t n, double *out,
                                 struct eng_error *err);

#endif
