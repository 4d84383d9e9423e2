/* pass.h: one forward pass over some tokens of one or more sequences, and its scratch. Internal.
 *
 * A model has one pass: whoever holds its pool fills in what is to be evaluated and runs it. The
 * tokens of all sequences are rows of the same arrays, so that a weight is read once for all of
 * them; only attention looks at each sequence by itself. A row's result does not depend on the rows
 * beside it.
 */
#ifndef ESPALIER_ENGINE_PASS_H
#define ESPALIER_ENGINE_PASS_H

#include "engine/model.h"

struct eng_session;

/* Tokens evaluated together. A longer run is cut; the results do not depend on it. More of them
 * where weights are expanded for each chunk anew, see product.c. Multiples of ENG_TILE_ROWS. */
#define ENG_CHUNK       128u
#define ENG_CHUNK_TILES 512u

/* Rows whose inner results of a feed-forward network are in a thread's cache at a time, see
 * tiles.c: a multiple of ENG_TILE_ROWS. */
#define ENG_FED_ROWS 128u

/* Rows of one OpenBLAS product, see product.c, and weight rows that it multiplies in one call. */
#define ENG_TILE  32u
#define ENG_PANEL 128u

/* Sequences of a pass at most, and rows of which logits are wanted where they are not written to
 * where the caller wants them at once. */
#define ENG_SPANS      16u
#define ENG_LOGIT_ROWS 16u

/* Words of a set of blocks of keys. */
#define ENG_BLOCK_WORDS(key_blocks) (((size_t)(key_blocks) + 63) / 64)

/* Consecutive tokens of a sequence. */
struct eng_span {
    struct eng_session *session;
    size_t position, rows; /* tokens [position, position + rows), position the session's length */
    size_t first;          /* row of the first in the pass */
    bool again;            /* they are evaluated for their logits: the pages hold them already */
    size_t logits_from;    /* logits of the rows from here on are wanted; rows: of none */
    float *logits;         /* [rows - logits_from, vocab] */
};

struct eng_pass {
    const struct eng_model *model;
    uint32_t chunk;  /* rows at most */
    uint32_t padded; /* positions that a sequence may have, rounded up to ENG_CACHE_PAGE */
    size_t widest;   /* the longest input row of any product */
    bool has_tiles;  /* the kernel set has, and they are used for prefill */
    bool by_tiles;   /* the products at hand are by tiles */
    size_t bytes;    /* of all arrays below ... */
    void *block;     /* ... which lie in it */

    /* What is evaluated. */
    struct eng_span span[ENG_SPANS];
    size_t n_spans, rows;

    float *cosine, *sine;    /* [padded, rope_dim / 2] */
    float *x;                /* [chunk, d_model], the residual stream */
    float *h;                /* [chunk, d_model], normalised; results to be added to x */
    float *q;                /* [chunk, heads * head_dim] */
    float *q_plain;          /* the same before rotation, ADDITIVE_KEY only */
    float *k, *v;            /* [chunk, kv_heads * head_dim] */
    float *mixed;            /* [chunk, heads * head_dim], attention's result */
    float *up, *gate;        /* [chunk, d_ff]; gate SwiGLU only */
    float *grams;            /* [chunk, ngram.count * ngram.length] */
    uint8_t *relation;       /* [chunk, padded] */
    uint8_t *chosen;         /* [chunk, padded], relation in sparse layers; those only */
    uint64_t *chosen_blocks; /* [chunk, words], a bit for each block of keys that is looked at, in
                                sparse layers or by a policy */
    struct eng_q8_rows quantized; /* [chunk, widest] */

    /* With tiles only. bf16 in the set's order: the input of the next product, and where the one
     * after it comes to lie, [chunk, widest] each. */
    uint16_t *rounded, *rounded_next;
    const float *rounded_rows; /* whose rows `rounded` holds; NULL: nobody's */

    float *logits; /* [ENG_LOGIT_ROWS, vocab] */

    /* Scratch of each thread. */
    uint8_t *attending;                 /* [threads, attend_bytes] */
    uint64_t *all_blocks;               /* [threads, words], where there are chosen_blocks */
    struct eng_attention_count *counts; /* [threads], since the model was opened */
    size_t attend_bytes;
    uint16_t *panels; /* [threads, ENG_PANEL_OUTPUTS * widest], tiles only, as is fed */
    float *fed;       /* [threads, ENG_FED_ROWS, ENG_PANEL_OUTPUTS] */
    float *panel;     /* [threads, ENG_PANEL, widest], OpenBLAS only, as are the next two */
    float *tile;      /* [threads, ENG_TILE, ENG_PANEL] */
    float *edges;     /* [2, ENG_TILE, widest] */
};

enum eng_status eng_pass_new(const struct eng_model *model, struct eng_pass **out,
                             struct eng_error *err);
void eng_pass_free(struct eng_pass *pass); /* takes NULL */

/* Makes room in the model's pass for sequences of so many tokens. Takes the pool. */
enum eng_status eng_pass_fit(const struct eng_model *model, uint32_t capacity,
                             struct eng_error *err);

/* The span of a row. */
static inline const struct eng_span *eng_span_of(const struct eng_pass *pass, size_t row)
{
    const struct eng_span *span = pass->span;
    while (row >= span->first + span->rows)
        span++;
    return span;
}

/* y[row, output] = matrix . x for the rows of one input. */
struct eng_product {
    const struct eng_matrix *matrix;
    float *y; /* [rows, y_stride] */
    size_t y_stride;
};

/* All below: the calling thread holds the pool. */

/* Computes up to 3 products of the same rows x [rows, cols]. position: of the first row in its
 * sequence, of which OpenBLAS takes one at a time. */
void eng_multiply(struct eng_pass *pass, const struct eng_product *products, size_t n,
                  const float *x, size_t rows, size_t position);

/* Relations of the tokens of all spans to all tokens up to themselves, into pass->relation. */
void eng_relate(struct eng_pass *pass);

/* Takes pass->q, k, v of a layer: normalises and rotates, stores keys and values, and leaves the
 * mixed values in pass->mixed. */
void eng_attend(struct eng_pass *pass, uint32_t layer);

/* Evaluates the pass's spans. Keys and values are written, the sessions' lengths are not. prefill:
 * by tiles where the set has them; the logits themselves never are. Before each layer asks whether
 * to go on (may be NULL); ENG_CANCELLED when not. */
typedef bool (*eng_go_on)(void *user);
enum eng_status eng_forward(struct eng_pass *pass, bool prefill, eng_go_on go_on, void *user);

#endif
