/* kernels.h: the arithmetic of the forward pass, one table of functions per instruction
 * set (ref, avx2, avxvnni, avx512, avx512vnni, amx, neon, neondotprod, neoni8mm), chosen once at
 * run time.
 *
 * Order of summation. Every result depends on its own inputs only, never on how many rows
 * are computed together or on which thread does it: each kernel fixes one order in which
 * an output is summed and keeps it for every row count. On this rests the promise of
 * engine.h that logits do not depend on how a sequence came into the cache. (A set that has
 * tiles computes prefill by them and single tokens as the others do: two orders, two results,
 * each fixed; session.c keeps them apart.) Sums over quantised
 * weights, attention scores, attention values and everything elementwise that has no
 * transcendental function agree bit by bit between all sets, too; fp32 row dots, rmsnorm,
 * softmax and silu agree within rounding.
 *
 * Shapes are row-major. Nothing here allocates, checks or fails: callers hand in what
 * model.c has validated.
 */
#ifndef ESPALIER_ENGINE_KERNELS_H
#define ESPALIER_ENGINE_KERNELS_H

#include "engine/kernels/blocks.h"

#define ENG_Q8_VALUES   32u  /* activations that share one scale */
#define ENG_KEY_LANES   16u  /* keys interleaved in the key cache, see scores below */
#define ENG_ATTEND_ROWS 32u  /* rows at most in one call of attend */
#define ENG_CACHE_PAGE  256u /* positions of a page of the cache: the longest strip of any set */

#define ENG_NEAR_BLOCKS 4u /* of keys, up to a query's own, that are never left out */

#define ENG_PANEL_OUTPUTS 128u /* outputs of one panel of tiles, at most */
#define ENG_TILE_ROWS     16u  /* what the rows of a product by tiles are padded to */

/* A block whose largest activation is below this is quantised to zeros: the reciprocal of
 * a smaller one would not be finite. */
#define ENG_Q8_SMALLEST 1e-30f

/* Activations quantised like Q8_0, but with fp32 scales: value = scale * q, q in
 * [-127, 127]. bias: -128 times the sum of a block's q, half: the same of its first 16. They make
 * good for weights whose codes stand for a number that is smaller by a constant, and for minima. */
struct eng_q8_rows {
    int8_t *q;            /* [rows, cols] */
    float *scale;         /* [rows, cols / 32] */
    int32_t *bias, *half; /* [rows, cols / 32] */
};

/* What a weight's minimum is multiplied with: a block's sum of activations. */
static inline float eng_sum_of_block(float scale, int32_t bias)
{
    return scale * ((float)bias * -0x1p-7f);
}

/* How a structure term enters attention. All are a look-up by relation in a table of
 * ENG_RELATIONS floats (padded to 16), whatever table the variant makes. */
enum eng_term {
    ENG_TERM_NONE,
    ENG_TERM_ADD,   /* score + table[r] */
    ENG_TERM_SCALE, /* score * table[r] */
    ENG_TERM_GATE   /* exp(score) * table[r] */
};

/* Dot products of weight rows [outputs, cols] with activation rows x [rows, cols]:
 * y[r * y_stride + o] for o in [first, last). */
typedef void (*eng_dot_rows)(const void *weights, size_t cols, size_t first, size_t last,
                             const float *x, size_t rows, float *y, size_t y_stride);

/* Pairs of a query and a key: up to the query's limit; that it saw; that were computed. */
struct eng_attention_count {
    uint64_t pairs, seen, computed;
};

static inline void eng_attention_add(struct eng_attention_count *to,
                                     const struct eng_attention_count *more)
{
    to->pairs += more->pairs;
    to->seen += more->seen;
    to->computed += more->computed;
}

/* Attention of some queries over the cache of one key-value head. */
struct eng_attention {
    size_t rows, dim;                /* at most ENG_ATTEND_ROWS queries */
    const float *q[ENG_ATTEND_ROWS]; /* each [dim] */
    float *out[ENG_ATTEND_ROWS];     /* each [dim] */
    uint32_t limit[ENG_ATTEND_ROWS]; /* positions [0, limit) are seen, ascending with the rows */
    const uint8_t *relation[ENG_ATTEND_ROWS]; /* each [limit]; NULL with ENG_TERM_NONE */
    const float *table[ENG_ATTEND_ROWS];      /* each [16] */
    enum eng_term term;
    float scale;
    const uint8_t *const *pages; /* of ENG_CACHE_PAGE positions each, as `store` has left them: */
    size_t keys, values;         /* where the head's lie in each page, in bytes */
    const uint64_t *blocks;      /* a bit for each ENG_KEY_LANES positions that any row looks at,
                                    NULL: all; what a row does not see there has a relation whose
                                    term leaves nothing of it */
    const uint64_t *own[ENG_ATTEND_ROWS]; /* of these, the ones that a row sees; NULL: all. Its
                                             last position's is one of them */

    /* Where in each page the head's bounds lie, as `bound` has left them, 0 for none: a row then
     * does not see blocks of which no key can have a score for it, or for those it shares its
     * choice with, that is at least the largest one of the first block and the ENG_NEAR_BLOCKS last
     * ones, less the margin. Without terms, and where `own` is NULL. */
    size_t bounds;
    float margin;
    size_t sharing; /* consecutive rows, of one limit, that choose together: rows is a multiple */

    struct eng_attention_count *count; /* is added to; may be NULL */
};

struct eng_kernels {
    const char *name;

    /* Quantised weights. lanes: weight rows interleaved by eng_pack, 0 when the product
     * reads the file's own rows. flip: XORed into each byte of Q8_0 when packed (0x80 makes
     * them unsigned). */
    size_t lanes;
    uint8_t flip;

    /* x [cols] -> one row of quantised activations (the arrays' parts of that row). cols is a
     * multiple of 32. */
    void (*quantize)(const float *x, size_t cols, const struct eng_q8_rows *out);

    /* y[r * y_stride + o], o in [first, last); first a multiple of lanes, and last too or
     * the number of outputs. type is a quantised one. A sum goes through the blocks in ascending
     * order: for each run of values that share a scale, the fused sum + dot * (scale * activation's
     * scale) of the exact integer dot, then, where the type has minima, sum - minimum *
     * eng_sum_of_block. */
    void (*product)(enum eng_tensor_type type, const void *weights, size_t cols, size_t first,
                    size_t last, const struct eng_q8_rows *x, size_t rows, float *y,
                    size_t y_stride);

    /* Products of many rows by tiles of bf16; NULL in sets without tiles. tile_weights expands
     * packed rows, `outputs` of at most ENG_PANEL_OUTPUTS, to bf16 in the set's own order:
     * panel [ENG_PANEL_OUTPUTS * cols]. tile_row rounds columns [first, first + n) of one row of
     * activations, x [n], to bf16 and puts them where those of row `row` of `out` are, which is in
     * the set's own order, too: [rows rounded up to ENG_TILE_ROWS, cols] in all; first and n are
     * multiples of 32. tile_product: y[r * y_stride + o] for the panel's outputs,
     * in fp32 sums; of x, as tile_row has left it, the rows past `rows` may hold anything. */
    void (*tile_weights)(enum eng_tensor_type type, const void *packed, size_t cols, size_t outputs,
                         uint16_t *panel);
    void (*tile_row)(const float *x, size_t first, size_t n, size_t cols, size_t row,
                     uint16_t *out);
    void (*tile_product)(const uint16_t *panel, size_t cols, size_t outputs, const uint16_t *x,
                         size_t rows, float *y, size_t y_stride);

    eng_dot_rows f32_product, f16_product, bf16_product;

    /* out = x / sqrt(mean(x^2) + epsilon) * weight; out may be x. */
    void (*rmsnorm)(const float *x, const float *weight, size_t n, float epsilon, float *out);
    void (*add)(float *x, const float *y, size_t n);          /* x += y */
    void (*relu2)(float *x, size_t n);                        /* x = max(x, 0)^2 */
    void (*silu_mul)(float *gate, const float *up, size_t n); /* gate = silu(gate) * up */

    /* Rotates x [2 * half] in place: the pairs (i, half + i) by the angles whose cosines
     * and sines are given [half]. */
    void (*rope_halves)(float *x, const float *cosine, const float *sine, size_t half);

    /* Attention as engine/attend.c has it, from a cache in the set's own format; NULL in sets
     * that leave it to the steps below. The order of summation follows the positions alone.
     * cache_bytes: of the keys, and as many of the values, of one head in a page. store writes one
     * token's, place in [0, ENG_CACHE_PAGE). Pages have to be zero at first; what was once
     * stored past a limit does not matter. scratch: attend_scratch(dim) bytes, 64-byte aligned,
     * zero at first. */
    size_t (*cache_bytes)(size_t dim);
    void (*store)(void *keys, void *values, size_t place, size_t dim, const float *k,
                  const float *v);
    /* bound writes the bounds of a block of a page's keys: of each dimension the largest and the
     * smallest value. bounds_bytes: of one head in a page. */
    size_t (*bounds_bytes)(size_t dim);
    void (*bound)(const void *keys, void *bounds, size_t block, size_t dim);
    size_t (*attend_scratch)(size_t dim);
    void (*attend)(const struct eng_attention *attention, void *scratch);

    /* Attention scores. Keys are kept in blocks of 16 positions, [block][dim][16], so that
     * a vector holds one dimension of 16 keys: out[row][p] = q[row] . key[p] for every p of
     * the first n_blocks blocks, summed over ascending dims. */
    void (*scores)(const float *const *q, size_t rows, size_t dim, const float *keys,
                   size_t n_blocks, float *const *out);

    /* s[i] = scale * s[i], with the structure term of relation[i] (NULL with
     * ENG_TERM_NONE), then exponentials relative to *largest, which becomes their maximum where
     * that is larger. Returns their sum. n > 0. */
    float (*softmax)(float *s, size_t n, float scale, enum eng_term term, const uint8_t *relation,
                     const float *table, float *largest);

    /* fp16 to fp32, exactly, and back to the nearest; what fp16 cannot hold becomes the largest
     * that it can. */
    void (*widen)(const uint16_t *halves, size_t n, float *out);
    void (*narrow)(const float *x, size_t n, uint16_t *out);

    /* out[row][d] += weight[row][p] * value[p][d] for p in [first, last), ascending.
     * values [positions, dim]. */
    void (*values)(const float *const *weight, size_t rows, size_t dim, const float *values,
                   size_t first, size_t last, float *const *out);
};

/* Tables of the sets that this build holds; NULL where the compiler's target has none. */
const struct eng_kernels *eng_kernels_ref(void);
const struct eng_kernels *eng_kernels_avx2(void);
const struct eng_kernels *eng_kernels_avxvnni(void);
const struct eng_kernels *eng_kernels_avx512(void);
const struct eng_kernels *eng_kernels_avx512_vnni(void);
const struct eng_kernels *eng_kernels_amx(void);
const struct eng_kernels *eng_kernels_neon(void);
const struct eng_kernels *eng_kernels_neon_dotprod(void);
const struct eng_kernels *eng_kernels_neon_i8mm(void);

/* The best set that this processor runs. name forces one; NULL when that one is unknown or cannot
 * run here. */
const struct eng_kernels *eng_kernels_choose(const char *name);

#endif
