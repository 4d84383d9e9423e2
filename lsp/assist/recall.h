/* recall.h: what the document itself wrote after words like the last ones.
 *
 * A small model knows a language better than it remembers the names and habits of one file,
 * and its window may not even reach them. So the whole document's tokens are kept beside it:
 * wherever the last tokens (up to ASST_RECALL_MATCH of them) have stood before, what followed
 * is a guess at what comes next. Guesses from longer matches count first; what a match of one
 * length leaves open goes to shorter ones (Witten and Bell's rule: of n followers seen, d
 * different ones, it leaves d / (n + d)), and what all of them leave open to the model.
 *
 * The guesses are mixed into the model's distribution:
 *
 *   p = (1 - w) p_model + w (p_guess + open p_model)
 *
 * w is a logistic function of the features below: how long the match is and how unanimous its
 * followers are, how sure the model is. Its weights are fitted on held-out files (`espalier
 * model calibrate`) and stand in the model file, key espalier.recall.weights; without them, or
 * without a match, the model's distribution stays as it is.
 *
 * A recall belongs to one thread at a time. Memory is taken when it is made; nothing here
 * allocates afterwards.
 */
#ifndef ESPALIER_RECALL_H
#define ESPALIER_RECALL_H

#include "lsp/assist/prompt.h"
#include "lsp/assist/shelf.h"

#define ASST_RECALL_MATCH 8 /* tokens compared at most */
#define ASST_RECALL_GUESSES                                                                        \
    64 /* different followers taken at most; those closest by come first                           \
        */

/* Tokens of a document that are kept, nearest to the cursor first. */
#define ASST_RECALL_BEFORE 16384
#define ASST_RECALL_BEHIND 8192

enum asst_recall_feature {
    ASST_RECALL_ONE,     /* 1 */
    ASST_RECALL_LENGTH,  /* tokens of the longest match */
    ASST_RECALL_SURE,    /* ln(q / (1 - q)) of the likeliest guess's q, clamped at +-7 */
    ASST_RECALL_COUNT,   /* ln(1 + followers of the longest match) */
    ASST_RECALL_BEST,    /* ln of the model's largest probability */
    ASST_RECALL_ENTROPY, /* of the model's distribution, in nats */
    ASST_RECALL_FEATURES
};
_Static_assert(ASST_RECALL_FEATURES == ENG_RECALL, "the model file holds one weight a feature");

struct asst_recall;

/* Room for a document's tokens (as above) and `more` that are pushed later. */
enum eng_status asst_recall_new(const struct eng_model *model, uint32_t more,
                                struct asst_recall **out, struct eng_error *err);
void asst_recall_free(struct asst_recall *recall);
enum eng_status asst_recall_copy(const struct asst_recall *recall, struct asst_recall **out,
                                 struct eng_error *err);

/* After what was pushed before, takes the source's text behind the hole, then the text in front of
 * heal_start, which is on the hole's line or where it starts. */
enum eng_status asst_recall_read(struct asst_recall *recall, const struct asst_source *source,
                                 size_t heal_start, struct eng_error *err);

/* What other files say counts as well, after the document: see shelf.h. The shelf has to outlive
 * the recall and its copies; NULL: none. */
void asst_recall_look_at(struct asst_recall *recall, const struct asst_shelf *shelf);

/* What is pushed next does not go on from what came last. */
void asst_recall_gap(struct asst_recall *recall);

/* The token that follows; ignored when there is no more room. */
void asst_recall_push(struct asst_recall *recall, int32_t id);
size_t asst_recall_length(const struct asst_recall *recall);
/* Drops the tokens from number n on. */
void asst_recall_rewind(struct asst_recall *recall, size_t n);

struct asst_guesses {
    int32_t id[ASST_RECALL_GUESSES];
    float p[ASST_RECALL_GUESSES]; /* together 1 - open */
    float open;
    uint32_t count, length, followers; /* guesses; tokens of the longest match; of that */
};

/* What may come next; count is 0 without a match. end: the token that stands for a line's end
 * in a text that must not go beyond it, -1: none. */
void asst_recall_next(const struct asst_recall *recall, int32_t end, struct asst_guesses *out);

/* What followed the longest match of at least `least` tokens, the nearest of such, the document's
 * before the shelf's: at most `most`
 * tokens into ids, and, where line is set, none that ends a line. Returns how many. */
size_t asst_recall_draft(const struct asst_recall *recall, uint32_t least, size_t most, bool line,
                         int32_t *ids);

/* The features of a guess beside logits[vocab]; *log_sum: ln of the sum of their exponentials. */
void asst_recall_evidence(const struct asst_guesses *guesses, const float *logits, size_t vocab,
                          float feature[ASST_RECALL_FEATURES], double *log_sum);

/* w above. */
double asst_recall_weight(const float weights[ASST_RECALL_FEATURES],
                          const float feature[ASST_RECALL_FEATURES]);

/* Mixes the guesses into logits[vocab]: logits that are other than 0 in their sum of
 * exponentials stay so, and what is not guessed keeps its order. */
void asst_recall_mix(const struct asst_guesses *guesses, const float weights[ASST_RECALL_FEATURES],
                     float *logits, size_t vocab);

#endif
