/* attention.c: attention with a structure term for training on a CPU, forward and gradients.
 *
 * A block of queries takes its scores, weights and their gradients through the second-level
 * cache; nothing of the size of all pairs is ever written, and neither keys behind the queries
 * nor those of samples packed in front of theirs are touched. What the backward pass needs of the
 * weights it computes anew from the logarithm of each query's sum, as in FlashAttention (Dao et al.
 * 2022). Products go through AMX tiles where the compiler's target has them, otherwise through
 * plain vectors; operands are bf16 (the upper 16 bits of a float), sums are floats. model.py
 * compiles this file for the machine at hand.
 *
 *   q, out [rows, heads, length, dim]   k, v [rows, kv_heads, length, dim]   bf16
 *   relations [rows, length, length]    MASKED where j may not be seen, so for all j > i
 *   add    [heads, 16], or one for each query: [rows, heads, length, 16]
 *   factor [heads, 16] multiplies the scaled score; NULL for ones
 *   lse    [rows, heads, length]        ln of the sum of a query's exponentials
 *
 * length is a multiple of BLOCK, dim of 32. Functions return 0, or -1 for want of memory; they
 * share nothing, so any number of threads may call them on rows of their own.
 */
#include "product.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { RELATIONS = 16, MASKED = 15, BLOCK = 64 };

struct shape {
    size_t heads, kv_heads, length, dim;
    float scale;
    int by_query; /* add is one for each query */
};

struct inputs {
    const uint16_t *q, *k, *v;
    const uint8_t *relations;
    const float *add, *factor;
};

/* ---- Layouts ------------------------------------------------------------------------- */

/* Rows of the transposed operands are this long, so that they do not fall on one cache set. */
static size_t stride_of(size_t length)
{
    return length + 32;
}

/* x [length, dim] to its transpose as a factor on the right: pairs [dim / 2, stride]. */
static void pair_columns(const uint16_t *x, size_t length, size_t dim, uint32_t *out)
{
    for (size_t j = 0; j < length; j += 16)
        for (size_t p = 0; p < dim / 2; p++)
            for (size_t n = 0; n < 16; n++)
                memcpy(out + p * stride_of(length) + j + n, x + (j + n) * dim + 2 * p, 4);
}

/* x [length, dim] as a factor on the right: pairs [length / 2, dim]. */
static void pair_rows(const uint16_t *x, size_t length, size_t dim, uint32_t *out)
{
    for (size_t j = 0; j < length; j += 2)
        for (size_t p = 0; p < dim; p++)
            out[j / 2 * dim + p] = x[j * dim + p] | (uint32_t)x[(j + 1) * dim + p] << 16;
}

/* x [length, dim] transposed: [dim, stride]. */
static void transpose(const uint16_t *x, size_t length, size_t dim, uint16_t *out)
{
    for (size_t j = 0; j < length; j += 32)
        for (size_t p = 0; p < dim; p++)
            for (size_t n = 0; n < 32; n++)
                out[p * stride_of(length) + j + n] = x[(j + n) * dim + p];
}

/* sums [dim, stride] back to bf16 [length, dim]. */
static void transpose_sums(const float *sums, size_t length, size_t dim, uint16_t *out)
{
    float row[LANES];
    for (size_t j = 0; j < length; j++)
        for (size_t p = 0; p < dim; p += LANES) {
            for (size_t n = 0; n < LANES; n++)
                row[n] = sums[(p + n) * stride_of(length) + j];
            narrow(out + j * dim + p, load(row));
        }
}

/* Memory of one call, handed out in pieces of whole cache lines. */
struct scratch {
    unsigned char *memory;
    size_t used, size;
};

static void *take(struct scratch *s, size_t size)
{
    void *at = s->memory ? s->memory + s->used : NULL;
    s->used += (size + 63) / 64 * 64;
    return at;
}

/* ---- Forward ------------------------------------------------------------------------- */

static const float *terms_of(const struct shape *s, const float *add, size_t row, size_t head,
                             size_t i)
{
    return add + (s->by_query ? (row * s->heads + head) * s->length + i : head) * RELATIONS;
}

/* The first key, rounded down, that queries from i on may see: those of one sample see it from
 * its start. */
static size_t first_key(const struct shape *s, const uint8_t *relations, size_t row, size_t i)
{
    const uint8_t *relation = relations + (row * s->length + i) * s->length;
    size_t j = 0;
    while (j < i && relation[j] == MASKED)
        j++;
    return j / 32 * 32;
}

/* Scores of a query over n keys with the structure term. */
static inline vec term(const struct shape *s, vec score, ivec relation, vec add, vec factor)
{
    return score * s->scale * (vec)__builtin_shuffle(factor, relation) +
           (vec)__builtin_shuffle(add, relation);
}

/* x[n]: a query's products with the keys in. weights[n]: bf16 exponentials of what they become
 * less its maximum; *lse: ln of the sum of all. Returns 1 / the sum of `weights`. */
static float softmax(const struct shape *s, const uint8_t *relation, const float *add,
                     const float *factor, size_t n, float *x, uint16_t *weights, float *lse)
{
    vec a = load(add), f = factor ? load(factor) : splat(1), top = splat(-INFINITY), sum = splat(0);
    for (size_t j = 0; j < n; j += LANES) {
        vec value = term(s, load(x + j), relation_at(relation + j), a, f);
        *(vec *)(x + j) = value;
        top = larger(top, value);
    }
    float highest = max_of(top);
    for (size_t j = 0; j < n; j += LANES) {
        vec e = exponential(load(x + j) - highest);
        sum += e;
        narrow(weights + j, e);
    }
    float total = sum_of(sum);
    *lse = highest + logf(total);
    return 1 / total;
}

struct forward {
    uint32_t *k_columns, *v_rows;
    float *scores, *sums, *inverse;
    uint16_t *weights;
};

static struct forward take_forward(struct scratch *at, const struct shape *s)
{
    size_t stride = stride_of(s->length);
    return (struct forward){
        .k_columns = take(at, s->dim / 2 * stride * 4),
        .v_rows = take(at, s->length / 2 * s->dim * 4),
        .scores = take(at, BLOCK * stride * 4),
        .sums = take(at, BLOCK * s->dim * 4),
        .inverse = take(at, BLOCK * 4),
        .weights = take(at, BLOCK * stride * 2),
    };
}

static void forward_head(const struct shape *s, const struct inputs *in, const struct forward *w,
                         size_t row, size_t head, uint16_t *out, float *lse)
{
    size_t stride = stride_of(s->length), first = (row * s->heads + head) * s->length;
    const float *factor = in->factor ? in->factor + head * RELATIONS : NULL;
    for (size_t i = 0; i < s->length; i += BLOCK) {
        size_t from = first_key(s, in->relations, row, i), n = i + BLOCK - from;
        product(w->scores, stride, in->q + (first + i) * s->dim, s->dim, w->k_columns + from,
                stride, BLOCK, n, s->dim, false);
        for (size_t r = 0; r < BLOCK; r++)
            w->inverse[r] =
                softmax(s, in->relations + (row * s->length + i + r) * s->length + from,
                        terms_of(s, in->add, row, head, i + r), factor, n, w->scores + r * stride,
                        w->weights + r * stride, lse + first + i + r);
        product(w->sums, s->dim, w->weights, stride, w->v_rows + from / 2 * s->dim, s->dim, BLOCK,
                s->dim, n, false);
        for (size_t r = 0; r < BLOCK; r++)
            for (size_t p = 0; p < s->dim; p += LANES)
                narrow(out + (first + i + r) * s->dim + p,
                       load(w->sums + r * s->dim + p) * w->inverse[r]);
    }
}

int attention_forward(const uint16_t *q, const uint16_t *k, const uint16_t *v,
                      const uint8_t *relations, const float *add, int by_query, const float *factor,
                      size_t rows, size_t heads, size_t kv_heads, size_t length, size_t dim,
                      float scale, uint16_t *out, float *lse)
{
    struct shape s = {heads, kv_heads, length, dim, scale, by_query};
    struct inputs in = {q, k, v, relations, add, factor};
    struct scratch memory = {0};
    take_forward(&memory, &s);
    memory = (struct scratch){aligned_alloc(64, memory.used), 0, memory.used};
    if (!memory.memory) return -1;
    struct forward w = take_forward(&memory, &s);
    products_begin();
    for (size_t unit = 0; unit < rows * kv_heads; unit++) {
        pair_columns(k + unit * length * dim, length, dim, w.k_columns);
        pair_rows(v + unit * length * dim, length, dim, w.v_rows);
        size_t group = heads / kv_heads, first = unit % kv_heads * group;
        for (size_t head = first; head < first + group; head++)
            forward_head(&s, &in, &w, unit / kv_heads, head, out, lse);
    }
    products_end();
    free(memory.memory);
    return 0;
}

/* ---- Gradients ----------------------------------------------------------------------- */

/* Sums over pairs by relation: a vector each, its lanes added up at the end. */
struct by_relation {
    vec of[RELATIONS];
};

/* Adds x[n]. Most vectors are of one relation; for the others all sixteen sums stay in
 * registers. */
static void gather(struct by_relation *sums, const uint8_t *relation, const float *x, size_t n)
{
    struct by_relation mixed = {0};
    for (size_t j = 0; j < n; j += LANES) {
        uint64_t two[2], same = relation[j] * UINT64_C(0x0101010101010101);
        memcpy(two, relation + j, sizeof two);
        if (two[0] == same && two[1] == same) {
            sums->of[relation[j]] += load(x + j);
            continue;
        }
        ivec at = relation_at(relation + j), value = (ivec)load(x + j);
#pragma GCC unroll 16
        for (int32_t r = 0; r < RELATIONS; r++)
            mixed.of[r] += (vec)(value & (at == r));
    }
    for (size_t r = 0; r < RELATIONS; r++)
        sums->of[r] += mixed.of[r];
}

static void add_up(struct by_relation *sums, float *onto)
{
    for (size_t r = 0; r < RELATIONS; r++)
        if (r != MASKED) onto[r] += sum_of(sums->of[r]);
    memset(sums, 0, sizeof *sums);
}

struct backward {
    uint32_t *k_columns, *k_rows, *v_columns, *weight_pairs, *ds_pairs;
    uint16_t *q_across, *grad_across, *ds;
    float *scores, *d_weights, *sums, *dk, *dv;
};

static struct backward take_backward(struct scratch *at, const struct shape *s)
{
    size_t stride = stride_of(s->length);
    return (struct backward){
        .k_columns = take(at, s->dim / 2 * stride * 4),
        .k_rows = take(at, s->length / 2 * s->dim * 4),
        .v_columns = take(at, s->dim / 2 * stride * 4),
        .weight_pairs = take(at, BLOCK / 2 * stride * 4),
        .ds_pairs = take(at, BLOCK / 2 * stride * 4),
        .q_across = take(at, s->dim * stride * 2),
        .grad_across = take(at, s->dim * stride * 2),
        .ds = take(at, BLOCK * stride * 2),
        .scores = take(at, BLOCK * stride * 4),
        .d_weights = take(at, BLOCK * stride * 4),
        .sums = take(at, BLOCK * s->dim * 4),
        .dk = take(at, s->dim * stride * 4),
        .dv = take(at, s->dim * stride * 4),
    };
}

/* What one query brings to its row of weights and of their gradients. */
struct query {
    const uint8_t *relation;
    vec add, factor;
    float *scores, *d_weights; /* [n]; out: gradients by term, before their sums by relation */
    float lse, mean;           /* mean of d_weights under the weights */
    bool keeps_scores;         /* gradients of factor are wanted */
    uint16_t *ds;              /* [n] out: gradient of q k^T */
};

/* Weights of keys j .. j + 15 and the gradient of their scores, bf16 in the upper bits. */
static inline void weigh(const struct shape *s, const struct query *q, size_t j, uvec *weight,
                         uvec *ds)
{
    ivec relation = relation_at(q->relation + j);
    vec score = load(q->scores + j);
    vec w = exponential(term(s, score, relation, q->add, q->factor) - q->lse);
    vec g = w * (load(q->d_weights + j) - q->mean);
    *(vec *)(q->d_weights + j) = g;
    if (q->keeps_scores) *(vec *)(q->scores + j) = g * s->scale * score;
    *weight = rounded(w);
    *ds = rounded(g * s->scale * (vec)__builtin_shuffle(q->factor, relation));
    *(half *)(q->ds + j) = __builtin_convertvector(*ds >> 16, half);
}

static struct query query_at(const struct shape *s, const struct inputs *in,
                             const struct backward *w, size_t row, size_t head, size_t i, size_t r,
                             size_t from, const float *lse, const uint16_t *out,
                             const uint16_t *grad)
{
    size_t stride = stride_of(s->length), at = (row * s->heads + head) * s->length + i + r;
    vec mean = splat(0);
    for (size_t p = 0; p < s->dim; p += LANES)
        mean += widen(out + at * s->dim + p) * widen(grad + at * s->dim + p);
    return (struct query){
        .relation = in->relations + (row * s->length + i + r) * s->length + from,
        .add = load(terms_of(s, in->add, row, head, i + r)),
        .factor = in->factor ? load(in->factor + head * RELATIONS) : splat(1),
        .scores = w->scores + r * stride,
        .d_weights = w->d_weights + r * stride,
        .lse = lse[at],
        .mean = sum_of(mean),
        .keeps_scores = in->factor != NULL,
        .ds = w->ds + r * stride,
    };
}

/* d_add, d_factor: where this head's sums go. */
static void backward_head(const struct shape *s, const struct inputs *in, const struct backward *w,
                          size_t row, size_t head, const uint16_t *out, const float *lse,
                          const uint16_t *grad, uint16_t *dq, float *d_add, float *d_factor)
{
    size_t stride = stride_of(s->length), first = (row * s->heads + head) * s->length;
    struct by_relation adds = {0}, factors = {0};
    transpose(in->q + first * s->dim, s->length, s->dim, w->q_across);
    transpose(grad + first * s->dim, s->length, s->dim, w->grad_across);
    for (size_t i = 0; i < s->length; i += BLOCK) {
        size_t from = first_key(s, in->relations, row, i), n = i + BLOCK - from;
        product(w->scores, stride, in->q + (first + i) * s->dim, s->dim, w->k_columns + from,
                stride, BLOCK, n, s->dim, false);
        product(w->d_weights, stride, grad + (first + i) * s->dim, s->dim, w->v_columns + from,
                stride, BLOCK, n, s->dim, false);
        for (size_t r = 0; r < BLOCK; r += 2) {
            struct query pair[2];
            for (size_t k = 0; k < 2; k++)
                pair[k] = query_at(s, in, w, row, head, i, r + k, from, lse, out, grad);
            for (size_t j = 0; j < n; j += LANES) {
                uvec weight[2], ds[2];
                weigh(s, &pair[0], j, &weight[0], &ds[0]);
                weigh(s, &pair[1], j, &weight[1], &ds[1]);
                *(uvec *)(w->weight_pairs + r / 2 * stride + j) = weight[0] >> 16 | weight[1];
                *(uvec *)(w->ds_pairs + r / 2 * stride + j) = ds[0] >> 16 | ds[1];
            }
            for (size_t k = 0; k < 2; k++) {
                if (d_add) gather(&adds, pair[k].relation, pair[k].d_weights, n);
                if (in->factor) gather(&factors, pair[k].relation, pair[k].scores, n);
                if (d_add && s->by_query) add_up(&adds, d_add + (i + r + k) * RELATIONS);
            }
        }
        product(w->sums, s->dim, w->ds, stride, w->k_rows + from / 2 * s->dim, s->dim, BLOCK,
                s->dim, n, false);
        for (size_t r = 0; r < BLOCK; r++)
            for (size_t p = 0; p < s->dim; p += LANES)
                narrow(dq + (first + i + r) * s->dim + p, load(w->sums + r * s->dim + p));
        product(w->dv + from, stride, w->grad_across + i, stride, w->weight_pairs, stride, s->dim,
                n, BLOCK, true);
        product(w->dk + from, stride, w->q_across + i, stride, w->ds_pairs, stride, s->dim, n,
                BLOCK, true);
    }
    if (d_add && !s->by_query) add_up(&adds, d_add);
    if (in->factor) add_up(&factors, d_factor);
}

/* grad: of out. d_add (as add; may be NULL) and d_factor (as factor) are added to. */
int attention_backward(const uint16_t *q, const uint16_t *k, const uint16_t *v,
                       const uint8_t *relations, const float *add, int by_query,
                       const float *factor, size_t rows, size_t heads, size_t kv_heads,
                       size_t length, size_t dim, float scale, const uint16_t *out,
                       const float *lse, const uint16_t *grad, uint16_t *dq, uint16_t *dk,
                       uint16_t *dv, float *d_add, float *d_factor)
{
    struct shape s = {heads, kv_heads, length, dim, scale, by_query};
    struct inputs in = {q, k, v, relations, add, factor};
    struct scratch memory = {0};
    take_backward(&memory, &s);
    memory = (struct scratch){aligned_alloc(64, memory.used), 0, memory.used};
    if (!memory.memory) return -1;
    struct backward w = take_backward(&memory, &s);
    products_begin();
    for (size_t unit = 0; unit < rows * kv_heads; unit++) {
        size_t at = unit * length * dim, group = heads / kv_heads, first = unit % kv_heads * group;
        pair_columns(k + at, length, dim, w.k_columns);
        pair_rows(k + at, length, dim, w.k_rows);
        pair_columns(v + at, length, dim, w.v_columns);
        memset(w.dk, 0, dim * stride_of(length) * sizeof *w.dk);
        memset(w.dv, 0, dim * stride_of(length) * sizeof *w.dv);
        for (size_t head = first; head < first + group; head++) {
            size_t row = unit / kv_heads;
            size_t term = (by_query ? (row * heads + head) * length : head) * RELATIONS;
            backward_head(&s, &in, &w, row, head, out, lse, grad, dq, d_add ? d_add + term : NULL,
                          d_factor ? d_factor + head * RELATIONS : NULL);
        }
        transpose_sums(w.dk, length, dim, dk + at);
        transpose_sums(w.dv, length, dim, dv + at);
    }
    products_end();
    free(memory.memory);
    return 0;
}
