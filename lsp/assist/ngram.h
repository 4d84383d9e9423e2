/* ngram.h: the baseline that a neural model has to beat.
 *
 * An n-gram model over lexical tokens (words, numbers, operators, brackets, white space
 * joined to what follows), orders up to five, interpolated by Witten and Bell's rule. A
 * second set of counts, of the file being completed, is nested into each order with a
 * larger weight: code repeats itself close by, and such a cache is what makes n-grams hard
 * to beat on code.
 *
 * Counting and completing belong to one thread at a time. Growth stops at
 * NGRAM_MAX_ENTRIES; what comes after is not learnt (asst_ngram_is_full).
 */
#ifndef ESPALIER_NGRAM_H
#define ESPALIER_NGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASST_NGRAM_ORDER       5
#define ASST_NGRAM_MAX_ENTRIES (1u << 24)

struct asst_ngram;

/* NULL when out of memory. */
struct asst_ngram *asst_ngram_new(void);
void asst_ngram_free(struct asst_ngram *model);

/* Learns from one file's text. False when out of memory or full. */
bool asst_ngram_learn(struct asst_ngram *model, const char *text, size_t len);
bool asst_ngram_is_full(const struct asst_ngram *model);

/* The likeliest text between prefix and suffix up to the end of the line, at most capacity
 * bytes; returns its length. Learns prefix and suffix into the cache first and forgets
 * them again. */
size_t asst_ngram_complete(struct asst_ngram *model, const char *prefix, size_t prefix_len,
                           const char *suffix, size_t suffix_len, char *out, size_t capacity);

#endif
