/* follow.h: which tokens may come next in a candidate.
 *
 * A byte-level vocabulary may write anything, and a model that does not know the language well
 * closes what is not open. A follow knows the vocabulary (which tokens are text at all, which go
 * on with a character, which hold a mark that a grammar may refuse) and what is open at the
 * cursor, and makes of both the set of tokens that may stand behind the text so far. What it
 * refuses is never right; what it lets pass may still be wrong, and is judged by the parser
 * afterwards.
 *
 * Read-only once it is made: any number of writers may ask at the same time.
 */
#ifndef ESPALIER_FOLLOW_H
#define ESPALIER_FOLLOW_H

#include "engine/engine.h"
#include "syntax/syntax.h"

struct asst_follow;

/* hole: where the text will stand; NULL without a language. grammar: else whatever is text may
 * come next. The model has to outlive the follow, the hole has not. */
enum eng_status asst_follow_new(const struct eng_model *model, const struct syn_hole *hole,
                                bool grammar, struct asst_follow **out, struct eng_error *err);
void asst_follow_free(struct asst_follow *follow); /* takes NULL */

/* The tokens that may follow text[len], which stands at the cursor:
 * set[ENG_SET_WORDS(vocabulary)]. False when it cannot end here: a character is unfinished. */
bool asst_follow_set(const struct asst_follow *follow, const char *text, size_t len, uint64_t *set);

/* Whether bytes[n] may follow it. */
bool asst_follow_admits(const struct asst_follow *follow, const char *text, size_t len,
                        const char *bytes, size_t n);

/* Bytes of text[len] up to the first one that a text buffer should not get: no well-formed UTF-8,
 * or a control character other than tabs and line ends. */
size_t asst_sound_length(const char *text, size_t len);

#endif
