/* session.h: one sequence's cache and scratch, as forward.c, attention.c and product.c see
 * it. Internal to the engine. */
#ifndef ESPALIER_ENGINE_SESSION_H
#define ESPALIER_ENGINE_SESSION_H

#include "engine/attend.h"
#include "engine/model.h"

/* Tokens evaluated together. A longer run is cut; the results do not depend on it. More of them
 * where weights are expanded for each chunk anew, see product.c. Multiples of ENG_TILE_ROWS. */
#define ENG_CHUNK       128u
#define ENG_CHUNK_TILES 512u

/* Rows of one OpenBLAS product, see product.c. */
#define ENG_TILE 32u

/* Words of a set of blocks of keys. */
#define ENG_BLOCK_WORDS(key_blocks) (((size_t)(key_blocks) + 63) / 64)

struct eng_session {
    const struct eng_model *model;
    uint32_t capacity;   /* tokens */
    uint32_t key_blocks; /* capacity in blocks of ENG_KEY_LANES, rounded up */
    uint32_t padded;     /* key_blocks * ENG_KEY_LANES */
    uint32_t chunk;      /* tokens evaluated together */
    size_t widest;       /* the longest input row of any product */
    bool has_tiles;      /* the kernel set has, and they are used for prefill */
    bool by_tiles;       /* the products at hand are by tiles */
    size_t length;       /* tokens whose keys and values are complete in every layer */
    size_t synced;       /* of these, the ones that prefill has computed: all without tiles */
    bool has_logits;     /* logits are those of token length - 1 */
    size_t bytes;
    void *block; /* all of the arrays below */

    /* What is cached. */
    struct eng_input *inputs; /* [capacity] */
    uint8_t *group;           /* [padded], segment with prefix and middle as one */
    int32_t *innermost;       /* [padded], chain[0] */
    enum eng_cache cache;
    uint8_t *keys, *values; /* [layers, kv_heads, head_bytes] each, see attend.h */
    size_t head_bytes;

    float *cosine, *sine; /* [capacity, rope_dim / 2] */

    /* Scratch of one chunk: rows are tokens. */
    float *x;                /* [chunk, d_model], the residual stream */
    float *h;                /* [chunk, d_model], normalised; results to be added to x */
    float *q;                /* [chunk, heads * head_dim] */
    float *q_plain;          /* the same before rotation, ADDITIVE_KEY only */
    float *k, *v;            /* [chunk, kv_heads * head_dim] */
    float *mixed;            /* [chunk, heads * head_dim], attention's result */
    float *up, *gate;        /* [chunk, d_ff]; gate SwiGLU only */
    float *grams;            /* [chunk, ngram.count * ngram.length] */
    uint8_t *relation;       /* [chunk, padded] */
    uint8_t *chosen;         /* [chunk, padded], relation in sparse layers; those only, as are */
    uint64_t *chosen_blocks; /* [chunk, words], a bit for each block of keys that is looked at */
    struct eng_q8_rows quantized; /* [chunk, widest] */
    uint16_t *rounded;            /* [chunk, widest], bf16 rows; with tiles only, as is panels */

    /* Scratch of each thread. */
    uint8_t *attending;   /* [threads, attend_bytes] */
    uint64_t *all_blocks; /* [threads, words], sparse layers only */
    size_t attend_bytes;
    uint16_t *panels; /* [threads, ENG_PANEL_OUTPUTS * widest] */
    float *panel;     /* [threads, ENG_PANEL, widest], OpenBLAS only, as are the next two */
    float *tile;      /* [threads, ENG_TILE, ENG_PANEL] */
    float *edges;     /* [2, ENG_TILE, widest] */

    float *logits;      /* [vocab] */
    float *kept_logits; /* [vocab], of the last sync, whose sequence had kept_at tokens; 0: of none
                           that is still cached */
    size_t kept_at;
};

/* Weight rows that OpenBLAS multiplies in one call. */
#define ENG_PANEL 128u

/* y[row, output] = matrix . x for up to a chunk's rows of one input. */
struct eng_product {
    const struct eng_matrix *matrix;
    float *y; /* [rows, y_stride] */
    size_t y_stride;
};

/* Computes up to 3 products of the same rows x [rows, cols], which belong to the tokens at
 * position, position + 1 ... The calling thread holds the model's pool. */
void eng_multiply(struct eng_session *session, const struct eng_product *products, size_t n,
                  const float *x, size_t rows, size_t position);

/* Relations of the tokens at [position, position + rows) to all tokens up to themselves,
 * into session->relation. */
void eng_relate(struct eng_session *session, size_t position, size_t rows);

/* Takes session->q, k, v of a layer: normalises and rotates, stores keys and values, and
 * leaves the mixed values in session->mixed. */
void eng_attend(struct eng_session *session, uint32_t layer, size_t position, size_t rows);

/* Evaluates inputs at [position, position + n), n <= chunk, position == length. Keys
 * and values are written, length is not. Logits of the rows from first_row on go to out
 * [n - first_row, vocab]. prefill: by tiles where the session has them; the logits themselves
 * never are. */
enum eng_status eng_forward(struct eng_session *session, bool prefill, size_t position, size_t n,
                            size_t first_row, float *out, eng_cancel *cancel);

#endif
