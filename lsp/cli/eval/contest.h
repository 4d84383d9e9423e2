/* contest.h: the same holes for every contestant, and what each answered.
 *
 * What a model is asked goes through lsp/assist/complete.h, as in the editor. Each answer is
 * scored twice: raw, as the model wrote it, and served, as a user would see it, trimmed by
 * the tree and its neighbours. Scores:
 *
 *   exact       the answer equals the truth, white space at its end aside
 *   similarity  cli_edit_similarity
 *   valid       the file with the answer has no more ERROR/MISSING cost than the file with
 *               the truth
 *   fits        valid, or it would be with one of the endings that the language has for what
 *               is not finished: `if (x) {` in front of a statement fits, and is not valid
 *
 * A hole for which nothing is served has served scores of 0 and is not `shown`.
 */
#ifndef ESPALIER_CLI_CONTEST_H
#define ESPALIER_CLI_CONTEST_H

#include "lsp/assist/complete.h"
#include "lsp/cli/eval/eval.h"
#include "lsp/cli/eval/holes.h"

#define CLI_MAX_CONTESTANTS 17 /* models and the baseline */

struct cli_score {
    double exact, similarity, valid, fits;
};

struct cli_answer {
    struct cli_score raw, served;
    bool shown;
    float confidence;              /* of the served text */
    struct asst_evidence evidence; /* for it */
    double ms;                     /* of preparing and completing */
    char *raw_text, *served_text;  /* zero-terminated, NULL when there is none */
};

struct cli_contest {
    struct cli_eval *eval;
    struct cli_hole *holes; /* by language, in registry order */
    double *ones;           /* [n_holes]: weights */
    uint32_t *cluster;      /* [n_holes]: packages */
    size_t n_holes;
    char name[CLI_MAX_CONTESTANTS][96];
    struct cli_answer *answers[CLI_MAX_CONTESTANTS]; /* [n_holes] each */
    size_t n_contestants;
};

/* Draws the holes that eval asks for; then lets everybody fill them. False after a message;
 * cli_contest_close either way. */
bool cli_contest_draw(struct cli_eval *eval, struct cli_contest *out);
bool cli_contest_run(struct cli_contest *contest);
void cli_contest_close(struct cli_contest *contest);

/* Holes [from, *to) of the language that the hole `from` is in; false past the last. */
bool cli_contest_language(const struct cli_contest *contest, size_t from, size_t *to);
size_t cli_contest_packages(const struct cli_contest *contest, size_t from, size_t to);

/* What one answer contributes to a measure: a mean is sum(value) / sum(weight). minus: the
 * difference to that answer, or NULL. */
enum cli_measure {
    CLI_EXACT,
    CLI_SIMILARITY,
    CLI_VALID, /* served: among the shown; so CLI_FITS */
    CLI_FITS,
    CLI_SHOWN,
    CLI_RIGHT, /* exact among the shown */
    CLI_MILLISECONDS
};
struct cli_interval cli_contest_interval(const struct cli_contest *contest, size_t k, size_t minus,
                                         enum cli_measure measure, bool served, size_t from,
                                         size_t to);

/* ---- One hole as an editor would hold it ------------------------------------------------ */

struct cli_case {
    const struct cli_hole *hole;
    struct syn_document *doc; /* the file without the truth; parsed */
    uint32_t truth_cost;      /* ERROR/MISSING cost of the whole file, when it was needed */
    bool has_truth_cost;
};

/* False when out of memory. */
bool cli_case_open(const struct cli_hole *hole, struct cli_case *out);
void cli_case_close(struct cli_case *open);

/* Scores text[len] in the hole. The document is the same afterwards, but not parsed. False
 * when out of memory. */
bool cli_case_score(struct cli_case *open, const char *text, size_t len, struct cli_score *out);

/* The request for a hole's answer, with the window and the outline that eval asks for; sizes is
 * filled and belongs to the caller. */
void cli_case_request(const struct cli_case *open, const struct eng_model *model,
                      const struct cli_eval *eval, struct asst_prompt_options *sizes,
                      struct asst_request *out);

#endif
