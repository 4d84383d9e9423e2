/* pretoken.h: byte spans like the tokenizer's, for tests that have no model.
 *
 * Splits by the pre-tokenizer's rules; words longer than `piece` bytes are cut into pieces
 * of that length, as byte-pair encoding would cut them somewhere. */
#ifndef ESPALIER_TESTS_PRETOKEN_H
#define ESPALIER_TESTS_PRETOKEN_H

#include "syntax/syntax.h"

/* Writes at most max spans of text[from, to); returns how many there are. piece 0: whole
 * words. */
size_t pretoken_split(const char *text, size_t from, size_t to, size_t piece, struct syn_span *out,
                      size_t max);

#endif
