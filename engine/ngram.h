/* ngram.h: embeddings of hashed n-grams, added to a token's own embedding. Internal.
 *
 * For each order n, the ids of the token and of the n - 1 before it are hashed to a row of a
 * table; the rows of all orders, one behind the other, are projected to the model's width:
 *
 *   x = E[id] + P [T2[hash(id, id-1)]; T3[hash(id, id-1, id-2)]; ...]
 *
 * Parameters that cost no arithmetic: a model of this kind holds most of its weights in the
 * tables, of which a token reads one row an order. What no text asks for never enters memory.
 * Only ids up to the token itself take part, so cached tokens stay valid.
 *
 * Keys: espalier.ngram.orders (array), .buckets (rows of each table), .length (of a row).
 * Tensors: ngram_embd.0.weight ... [length, buckets] in the order of the array, and
 * ngram_proj.weight [orders * length, d_model].
 */
#ifndef ESPALIER_ENGINE_NGRAM_H
#define ESPALIER_ENGINE_NGRAM_H

#include "engine/model.h"

struct eng_reader;

/* Reads the keys; a model without them has count 0. */
enum eng_status eng_ngram_read_keys(const struct eng_reader *in);
/* Reads the tensors that the keys announce. */
enum eng_status eng_ngram_read_weights(const struct eng_reader *in);

/* The table row of the n-gram of `order` tokens that ends at inputs[position]; tokens before the
 * start of the sequence count as -1. order is 2 to ENG_NGRAM_ORDER_MAX. */
uint32_t eng_ngram_bucket(const struct eng_input *inputs, size_t position, uint32_t order,
                          uint32_t buckets);

/* The rows of all orders for the token at position, as fp32: out [orders * length]. */
void eng_ngram_gather(const struct eng_ngram *ngram, const struct eng_input *inputs,
                      size_t position, float *out);

#endif
