/* recall.h: fits the weights by which what a document repeats is mixed into a model's
 * distribution (lsp/assist/recall.h), on the true texts of holes.
 */
#ifndef ESPALIER_CLI_RECALL_H
#define ESPALIER_CLI_RECALL_H

#include "lsp/cli/eval/truth.h"

/* One token of a true text, its end included. */
struct cli_recall_token {
    float feature[ASST_RECALL_FEATURES];
    double model, guess; /* probabilities of the token; guess: p_guess + open * p_model */
    bool guessed;        /* there was a match; the features are not set otherwise */
    uint32_t package;
};

struct cli_recall_tokens {
    struct cli_recall_token *at;
    size_t n, capacity;
};

/* What the model and the documents say of the tokens in the contest's holes; eval->models[0],
 * holes that do not fit the window left out. False after a message. at is the caller's to
 * free, either way. */
bool cli_recall_measure(const struct cli_contest *contest, struct cli_recall_tokens *out);

/* The weights that make the tokens likeliest under the mixture, by expectation maximisation.
 * False when no token has a guess, or out of memory. */
bool cli_recall_fit(const struct cli_recall_token *tokens, size_t n,
                    float weights[ASST_RECALL_FEATURES]);

/* Bits a token under the mixture; weights NULL: of the model alone. 0 for no tokens. */
double cli_recall_bits(const struct cli_recall_token *tokens, size_t n, const float *weights);

#endif
