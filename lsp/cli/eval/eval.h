/* eval.h: what the evaluations share. */
#ifndef ESPALIER_CLI_EVAL_H
#define ESPALIER_CLI_EVAL_H

#include "lsp/cli/cli.h"
#include "lsp/cli/eval/corpus.h"
#include "lsp/cli/eval/holes.h"
#include "lsp/cli/eval/stats.h"

#include <cjson/cJSON.h>

/* Of the suggestions that are shown, the share that shall be right: about what users of such
 * completions accept. */
#define CLI_PRECISION 0.35

/* Logits of many positions are held at once; vocabularies too large for that get fewer. */
#define CLI_LOGITS_MAX_BYTES ((size_t)512 * 1024 * 1024)

/* What an evaluation was asked for. */
struct cli_eval {
    struct cli *cli;
    struct cli_list models;
    const char *baseline;  /* "ngram" or NULL */
    struct cli_list train; /* folders the baseline learns from */
    long n;                /* samples (fim) or files (perplexity) a language, 0: default */
    long seed;
    long context; /* tokens of the window, 0: the model's */
    long outline; /* tokens of it for an outline; 0: none, -1: as the model was trained */
    long extra;   /* tokens of it for other files, with sources; -1: as in use */
    struct cli_list sources; /* fim: of text of other files, each a contestant */
    long behind;             /* fim, calibration: bytes of the file in front of a hole at least */
    enum cli_hole_kind kind;
    double precision; /* calibration: share of right suggestions that is wanted */
    bool json, served;
    bool pairs;          /* slips: files N.wrong.EXT and N.right.EXT, as --write leaves them */
    const char *write;   /* slips: a folder for the texts, or NULL */
    bool no_recall;      /* the model alone */
    bool no_grammar;     /* and without what the tree says cannot come next */
    const float *recall; /* weights in place of the model file's, NULL: those */
    struct cli_corpus corpus;
};

int cli_eval_fim(struct cli_eval *eval);
int cli_eval_perplexity(struct cli_eval *eval);
int cli_eval_calibration(struct cli_eval *eval);
int cli_eval_slips(struct cli_eval *eval);
int cli_eval_infilling(struct cli *cli, int argc, char **argv); /* takes other options */

/* Prints and frees a document. */
void cli_print_json(cJSON *root);

/* {"mean","low","high"} added to parent under name. */
void cli_add_interval(cJSON *parent, const char *name, struct cli_interval interval);

/* Base name of a path, without the folder. */
const char *cli_base_name(const char *path);

#endif
