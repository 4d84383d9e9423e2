/* head.h: from what the model says of the slips of a function to whether there is a mistake in it.
 *
 * A small network that was trained beside the model, on functions with and without a slip in them:
 * it points at one of the slips, or at none. It is a GGUF file next to the model's, of the same
 * name with `.review` in place of `.gguf`:
 *
 *   general.architecture          "espalier-review"
 *   espalier.review.model         general.name of the model whose opinions it judges
 *   espalier.review.classes       names of classes of slips, in the order of its inputs
 *   espalier.review.languages     ids of languages, the same
 *   espalier.review.bias          of the score
 *   espalier.review.hint          least score of what is worth a hint ...
 *   espalier.review.information   ... and an information
 *   hidden.weight [inputs, units], hidden.bias [units], score.weight [units], all F32
 *
 * inputs: the evidence (opinion.h), one for each class, one for each language, ln(1 + slips) / 3.
 * score = score.weight . relu(hidden.weight x + hidden.bias) + bias; P(slip i is what was meant)
 * = exp(score i) / (1 + the sum of exp(score k)), P(nothing) = 1 / (1 + that sum).
 *
 * A head is not changed after it was opened and may be used from several threads at once.
 */
#ifndef ESPALIER_REVIEW_HEAD_H
#define ESPALIER_REVIEW_HEAD_H

#include "lsp/assist/review/opinion.h"

#define REV_HEAD_UNITS 256 /* at most */

struct rev_head;

#define REV_HEAD_PATH_MAX 4096u

/* Where the head of the model in this file is. False when the path is too long. */
bool rev_head_path(const char *model_path, char out[REV_HEAD_PATH_MAX]);

/* The head of the model in this file. ENG_IO when there is none; ENG_BAD_FILE for one that is
 * damaged, or of another model. */
enum eng_status rev_head_open(const char *model_path, const struct eng_model *model,
                              struct rev_head **out, struct eng_error *err);
void rev_head_free(struct rev_head *head); /* takes NULL */

/* One slip of a function that has `seen` of them; -infinity where it was not trained on the class.
 */
float rev_head_score(const struct rev_head *head, const struct gram_language *lang,
                     enum syn_slip_class class, size_t seen,
                     const float evidence[REV_EVIDENCE_COUNT]);

/* Least scores. */
float rev_head_hint(const struct rev_head *head);
float rev_head_information(const struct rev_head *head);

#endif
