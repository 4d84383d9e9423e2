/* truth.h: what a model makes of the true text of a hole, read in its place: the logits that
 * predict its tokens and, if wanted, some of those just in front of it.
 */
#ifndef ESPALIER_CLI_TRUTH_H
#define ESPALIER_CLI_TRUTH_H

#include "lsp/cli/eval/contest.h"

/* What is needed of a row of logits again and again. */
struct cli_row {
    double log_sum; /* log of the sum of their exponentials */
    size_t top;     /* the largest */
};

struct cli_truth {
    struct eng_model *model;
    struct eng_session *session;
    size_t vocab, max_rows;
    float *logits;        /* [max_rows, vocab]: row i predicts the token at first + i + 1 */
    struct cli_row *rows; /* [max_rows] */
    struct asst_prompt prompt;
    uint32_t middle, first; /* positions: the middle's first token, and the first row's */
};

/* Opens the model (NULL: the default one) with room for rows. False after a message; close
 * either way. */
bool cli_truth_open(struct cli *cli, const char *path, struct cli_truth *out);
void cli_truth_close(struct cli_truth *truth);

/* The prompt of a hole with its truth behind it; ENG_BAD_INPUT when the window has no room for
 * that. Free the prompt. */
enum eng_status cli_truth_build(struct cli_truth *truth, const struct cli_case *open,
                                const struct cli_eval *eval, struct eng_error *err);

/* The rows for the middle and up to `before` tokens in front of it. */
enum eng_status cli_truth_read(struct cli_truth *truth, uint32_t before, struct eng_error *err);

#endif
