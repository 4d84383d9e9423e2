/* follow.h: which tokens may come next in a candidate.
 *
 * A byte-level vocabulary may write anything, and a model that does not know the language well
 * closes what is not open. A vocabulary says which tokens are text at all, which go on with a
 * character, which hold a mark that a grammar may refuse; a follow adds what is open at one cursor,
 * and makes of both the set of tokens that may stand behind the text so far. What it refuses is
 * never right; what it lets pass may still be wrong, and is judged by the parser afterwards.
 *
 * Both are read-only once they are made: any number of writers may ask at the same time.
 */
#ifndef ESPALIER_FOLLOW_H
#define ESPALIER_FOLLOW_H

#include "engine/engine.h"
#include "syntax/syntax.h"

/* What its tokens' bytes say of a model's vocabulary: of use for as long as the model is there, and
 * worth keeping, as all tokens have to be looked at. The model has to outlive it. */
struct asst_vocabulary;

enum eng_status asst_vocabulary_new(const struct eng_model *model, struct asst_vocabulary **out,
                                    struct eng_error *err);
void asst_vocabulary_free(struct asst_vocabulary *vocabulary); /* takes NULL */

/* A plain value, which borrows the vocabulary. */
struct asst_follow {
    const struct asst_vocabulary *vocabulary;
    struct syn_follow begin; /* what is open at the cursor, where there is a tree */
    bool grammar, has_tree;
};

/* hole: where the text will stand, needed here alone; NULL without a language. grammar: else
 * whatever is text may come next. */
void asst_follow_begin(struct asst_follow *follow, const struct asst_vocabulary *vocabulary,
                       const struct syn_hole *hole, bool grammar);

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
