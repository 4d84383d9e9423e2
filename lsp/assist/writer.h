/* writer.h: one candidate while it is written. Internal to the assists.
 *
 * A writer owns what differs between candidates of a job: the tokens behind the prompt, the state
 * of the tree there, what was recalled, the text so far. Several writers of one job take turns:
 * each draws a token, then all that go on are evaluated in one pass.
 */
#ifndef ESPALIER_WRITER_H
#define ESPALIER_WRITER_H

#include "lsp/assist/candidate.h"
#include "lsp/assist/complete.h"

/* Drafts: tokens at most, and how many have to match for what followed them to be one. */
#define ASST_DRAFT_MOST  7
#define ASST_DRAFT_LEAST 3

struct asst_job {
    const struct eng_model *model;
    struct asst_prompt prompt;
    struct asst_site site;
    struct asst_recall *recall; /* the document's tokens; NULL: of no use here */
    struct asst_shelf *shelf;   /* that it looks at, or NULL */
    bool mixes;                 /* they are mixed into the model's distribution, by the weights */
    bool drafts;                /* they are evaluated ahead */
    float recall_weights[ASST_RECALL_FEATURES];
    struct asst_vocabulary *vocabulary; /* of its own; NULL: somebody else's */
    struct asst_follow follow;          /* what may come next */
    char *healed; /* bytes left of the cursor that the text has to begin with */
    size_t healed_len;
    uint32_t max_tokens, n;
    float temperature, min_confidence;
    uint64_t seed;
    bool block; /* may go on past the end of the line ... */
    bool free;  /* ... and where the block around the cursor ends */
    bool idle;  /* the cursor is where nothing is wanted */
    double prepare_ms;
};

/* The text holds the healed bytes first. */
struct asst_candidate {
    char text[ASST_MAX_TEXT_BYTES];
    size_t len;
    uint32_t tokens;
    float log_prob[ASST_MAX_TOKENS]; /* of each token ... */
    uint32_t start[ASST_MAX_TOKENS]; /* ... and the byte of text where it starts */
    enum asst_stop stop;
};

/* What the writers of a run have in common. */
struct asst_run {
    const struct asst_job *job;
    eng_cancel *cancel;
    struct eng_error *err;
    size_t vocab;
    int32_t end;       /* <|end|>, or -1 */
    float *scratch;    /* [vocab] */
    float *mixed;      /* [vocab], where recall is mixed in; else NULL */
    uint64_t *allowed; /* set of the vocabulary: what may be drawn next */
    struct eng_sampler sampler;
    int32_t taken[ASST_MAX_ITEMS]; /* what candidates began with, beyond the healed bytes */
    size_t n_taken;
    uint32_t generated, passes;
};

struct asst_writer {
    struct asst_run *run;
    struct eng_session *session; /* stands at the prompt's end at first */
    struct asst_prompt prompt;   /* the job's, and what was written; inputs are the writer's own
                                    unless it is the first */
    struct asst_recall *recall;  /* the same; NULL without */
    bool begun;                  /* a token beyond the healed bytes was drawn */
    bool ended;
    struct asst_candidate candidate;

    float *rows; /* [ASST_DRAFT_MOST + 1, vocab]: logits after the last accepted token when it was
                    evaluated, and after each of its draft's tokens; NULL without drafts */
    int32_t draft[ASST_DRAFT_MOST];
    size_t drafted, row; /* tokens of the draft; the row at hand, so many of them were right */
    bool ahead;          /* rows are of use, else the session's logits are */
};

/* ENG_NO_MEMORY and its message; err may be NULL. */
enum eng_status asst_no_memory(struct eng_error *err);

/* first: the writer may use the job's own inputs and recall, and drafts where the job wants them.
 * The prompt has to be evaluated before the first step. Free in any case. */
enum eng_status asst_writer_open(struct asst_writer *writer, struct asst_run *run,
                                 struct eng_session *session, bool first);
void asst_writer_close(struct asst_writer *writer);

/* Draws a token and takes it, or ends. */
enum eng_status asst_writer_step(struct asst_writer *writer);

/* The input whose evaluation the next step needs, unless the writer has ended. */
const struct eng_input *asst_writer_input(const struct asst_writer *writer);

/* Evaluates it, with a draft of what may follow. */
enum eng_status asst_writer_evaluate(struct asst_writer *writer);

#endif
