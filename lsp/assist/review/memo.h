/* memo.h: opinions on functions that were read before.
 *
 * Kept by what was read: the function's text and the lines in front of it. An edit asks the model
 * again for what it changed, and for what follows closely; all else is said as it was said before.
 * A memo has a fixed number of places; a new opinion takes that of an old one. It belongs to one
 * thread at a time, and to one model and head.
 */
#ifndef ESPALIER_REVIEW_MEMO_H
#define ESPALIER_REVIEW_MEMO_H

#include "syntax/slip.h"

/* The slip that was most likely meant in a function. */
struct rev_opinion {
    bool speaks;         /* else nothing is to be said */
    uint8_t class;       /* enum syn_slip_class */
    uint32_t start, end; /* bytes, from the function's first line on, that would become */
    uint32_t len;        /* these */
    char text[SYN_SLIP_TEXT_MAX];
    float score, probability; /* of the head */
};

struct rev_memo;

/* NULL when memory ran out. */
struct rev_memo *rev_memo_new(void);
void rev_memo_free(struct rev_memo *memo); /* takes NULL */

/* Of bytes [start, end) of a text, and what is in front of them. */
uint64_t rev_memo_key(const struct syn_document *doc, size_t start, size_t end);

/* Of these bytes alone, wherever they stand. */
uint64_t rev_memo_key_alone(const struct syn_document *doc, size_t start, size_t end);

bool rev_memo_find(const struct rev_memo *memo, uint64_t key, struct rev_opinion *out);
void rev_memo_keep(struct rev_memo *memo, uint64_t key, const struct rev_opinion *opinion);

#endif
