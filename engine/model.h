/* model.h: an opened model, as the engine's own files see it. Internal.
 *
 * Everything here is immutable once eng_model_open has returned, except what the pool, the cache
 * and the pass guard themselves.
 */
#ifndef ESPALIER_ENGINE_MODEL_H
#define ESPALIER_ENGINE_MODEL_H

#include "engine/blas.h"
#include "engine/gguf.h"
#include "engine/kernels/kernels.h"
#include "engine/pool.h"

struct eng_tokenizer;
struct eng_cache;
struct eng_pass;
struct eng_queue;

/* Relations padded to the lanes of a vector look-up. */
#define ENG_TABLE 16u

/* Weights [outputs, cols], row-major; cols is contiguous. */
struct eng_matrix {
    const void *rows;          /* in the mapped file, or in owned; NULL when packed */
    enum eng_tensor_type type; /* of rows or packed: not the file's where it was expanded */
    uint32_t outputs, cols;
    uint8_t *packed; /* as kernels/blocks.h has it, part of the model's block; or NULL */
    void *owned;     /* what rows were allocated as, NULL when they lie in the file */
};

enum eng_activation { ENG_RELU2, ENG_SWIGLU };

/* Tree positions: a coordinate from ENG_TREE_STEPS - 1 on counts as that. A coordinate of
 * ENG_TREE_SCALE turns by the frequency once. */
#define ENG_TREE_STEPS 33u
#define ENG_TREE_SCALE 8.0

#define ENG_NGRAM_ORDERS    4 /* tables at most */
#define ENG_NGRAM_ORDER_MAX 4 /* tokens of an n-gram at most */

/* Embeddings of hashed n-grams; see ngram.h. */
struct eng_ngram {
    uint32_t count; /* of tables, 0 for a model without */
    uint32_t order[ENG_NGRAM_ORDERS];
    uint32_t buckets, length;
    struct eng_matrix table[ENG_NGRAM_ORDERS]; /* [buckets, length] each, only looked up */
    struct eng_matrix projection;              /* [d_model, count * length] */
};

/* Which layers attend to a part only, and to which; see sparse.h. */
struct eng_sparse {
    uint32_t window; /* 0: all layers are dense */
    uint32_t header;
    uint32_t layers; /* bit n: layer n does; those from 32 on are dense */
};

struct eng_layer {
    float *attn_norm;       /* [d_model] */
    float *ffn_norm;        /* [d_model] */
    float *q_norm, *k_norm; /* [head_dim], NULL when the model has none */
    float *structure;       /* [heads, ENG_TABLE], ready to look up; for ADDITIVE_KEY the
                               vectors e [heads, ENG_RELATIONS, head_dim]; NULL for NONE */
    float *turns;           /* tree positions: [kv_heads, 2, ENG_TREE_STEPS, 2, head_dim / 2],
                               cosines and sines of depth and of sibling number; or NULL */
    struct eng_matrix q;    /* [heads * head_dim, d_model] */
    struct eng_matrix k, v; /* [kv_heads * head_dim, d_model] */
    struct eng_matrix o;    /* [d_model, heads * head_dim] */
    struct eng_matrix up;   /* [d_ff, d_model] */
    struct eng_matrix gate; /* [d_ff, d_model], SwiGLU only */
    struct eng_matrix down; /* [d_model, d_ff] */
};

struct eng_model {
    struct eng_gguf *gguf;
    struct eng_tokenizer *tokenizer;
    struct eng_pool *pool;
    const struct eng_kernels *kernels;
    const struct eng_blas *blas; /* NULL: all products by our own kernels */
    struct eng_cache *cache;     /* of all sessions, as is pass; NULL without weights */
    struct eng_pass *pass;       /* of who holds the pool */
    struct eng_queue *queue;     /* which leads to it */

    struct eng_model_info info; /* its strings are owned below */
    char *name, *architecture, *license;

    enum eng_activation activation;
    float norm_epsilon;
    bool tree_positions;
    struct eng_sparse sparse;
    struct eng_policy policy; /* DENSE only where it changes something, see policy.c */
    char policy_text[32];
    bool rope_interleaved; /* pairs (2i, 2i + 1) instead of (i, half + i) */
    uint32_t rope_dim;     /* leading dims of a head that are rotated */
    float *rope_frequency; /* [rope_dim / 2], radians a position */

    uint8_t *packed; /* all packed matrices, packed_used bytes of it taken */
    size_t packed_used;

    struct eng_matrix embedding; /* [vocab, d_model] */
    struct eng_ngram ngram;
    struct eng_matrix output; /* [vocab, d_model]; of embedding's tensor when tied */
    float *output_norm;       /* [d_model] */
    struct eng_layer *layers; /* [info.layers] */
};

/* One row of a matrix that was not packed, as fp32: out [cols]. */
void eng_matrix_row(const struct eng_matrix *matrix, size_t row, float *out);

/* n contiguous weights as fp32. type is F32, F16, BF16 or a quantised one (kernels/blocks.h), of
 * which n are whole blocks. */
void eng_expand_weights(const void *rows, enum eng_tensor_type type, size_t n, float *out);

#endif
