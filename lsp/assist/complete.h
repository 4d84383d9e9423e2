/* complete.h: what to insert at the cursor.
 *
 * A completion goes in two steps:
 *
 *   asst_complete_prepare   on the thread that owns the document, or a copy of it: repairs the
 *                           hole, cuts the window, computes the features and takes a snapshot
 *                           of what judging candidates needs. The job shares nothing with the
 *                           document. Milliseconds, or a hundred in files with many errors.
 *   asst_complete_run       on any thread that has a session: prefill, decode, trim.
 *   asst_complete_prefill   the first half of run alone: warms the session's cache.
 *
 * The text returned is to be inserted at the cursor as it is; nothing is replaced. It
 * never ends in white space, and never repeats what stands right of the cursor. An empty
 * result is a normal one: the model had nothing to say that the tree lets pass.
 *
 * A document without a language, or with a language the model has no token for, still
 * completes: without tree features, and trimmed by brackets and lines alone.
 *
 * Ownership: job and result belong to the caller. Documents belong to one thread, jobs
 * and sessions to one thread at a time; the cancel flag may be set from any.
 */
#ifndef ESPALIER_COMPLETE_H
#define ESPALIER_COMPLETE_H

#include "lsp/assist/confidence.h"
#include "lsp/assist/follow.h"
#include "lsp/assist/prompt.h"
#include "lsp/assist/recall.h"

#define ASST_MAX_ITEMS      16
#define ASST_MAX_TOKENS     512 /* of one item */
#define ASST_MAX_TEXT_BYTES 8192

enum asst_scope {
    ASST_SCOPE_AUTO = 0, /* a block where the tree says that one opens at the cursor's
                            line end, else the rest of the line */
    ASST_SCOPE_LINE,     /* never past the end of the line */
    ASST_SCOPE_BLOCK,    /* lines, until the node that holds the cursor closes */
    ASST_SCOPE_TEXT      /* until the model says so: holes of any shape, as evaluations make
                            them */
};

/* Why the text ends where it ends. */
enum asst_stop {
    ASST_STOP_END = 0,    /* the model said so */
    ASST_STOP_NEWLINE,    /* end of the line, one line wanted */
    ASST_STOP_CLOSED,     /* the node that holds the cursor closed */
    ASST_STOP_MAX_TOKENS, /* as much as was asked for */
    ASST_STOP_INVALID     /* what followed would not have parsed, or repeated itself */
};

/* "eot", "newline", "closed", "max_tokens", "invalid". */
const char *asst_stop_name(enum asst_stop stop);

struct asst_request {
    const struct syn_document *doc;           /* parsed, when it has a language */
    size_t cursor;                            /* byte of the document */
    struct asst_tokens *tokens;               /* the document's cache, or NULL */
    const struct asst_vocabulary *vocabulary; /* the model's, which has to outlive the job, or
                                                 NULL */
    enum asst_scope scope;
    uint32_t max_tokens;                     /* 0: 48 for a line, 128 for a block */
    uint32_t n;                              /* items wanted, 0 is 1; at most ASST_MAX_ITEMS */
    float temperature;                       /* 0: greedy; the items then differ in their
                                                first token */
    uint64_t seed;                           /* of the sampler, when temperature is not 0 */
    float min_confidence;                    /* items below it are left out; negative: the
                                                model file's own threshold */
    const struct asst_prompt_options *sizes; /* NULL: asst_prompt_defaults */
    const struct asst_extra *extra;          /* text of other files, or NULL */
    uint32_t extra_max;                      /* tokens of it; 0: as sizes say */
    struct asst_shelf *shelf;                /* what files near by say, of the same model, or NULL;
                                                the job becomes one of its holders */
    const float *recall;                     /* [ASST_RECALL_FEATURES], see recall.h; NULL: the
                                                model file's own, if it has them */
    bool not_in_comments, not_in_strings;    /* where the cursor is in one there is nothing to
                                                suggest */
    bool no_recall;                          /* the model alone */
    bool no_grammar;                         /* tokens that cannot come next may be drawn */
    bool no_draft; /* one token at a time: without it, tokens that the document suggests are
                      evaluated together; the text is the same */
};

struct asst_timings {
    double prepare_ms, prefill_ms, decode_ms;
    uint32_t prompt_tokens, cached_tokens, generated_tokens;
    uint32_t extra_tokens; /* of the prompt's, those of other files */
    uint32_t passes;       /* over the model's weights, for the generated tokens */
};

struct asst_item {
    char *text; /* zero-terminated, of the result's own memory */
    size_t len;
    uint32_t replaces; /* bytes right of the cursor, closing brackets, that it stands in place of */
    float confidence;  /* 0..1, see confidence.h; under token healing from probabilities
                         among the tokens allowed */
    struct asst_evidence evidence;
    enum asst_stop stop;
};

struct asst_result {
    struct asst_item items[ASST_MAX_ITEMS]; /* most confident first, all different */
    size_t count;
    struct asst_timings timings;
    char *raw; /* the first text as the model wrote it, not trimmed by tree or neighbours:
                  for evaluation; of raw_len bytes, zero-terminated */
    size_t raw_len;
    char *storage; /* what the items' texts point into */
};

struct asst_job;

enum eng_status asst_complete_prepare(const struct eng_model *model,
                                      const struct asst_request *request, struct asst_job **out,
                                      struct eng_error *err);
void asst_job_free(struct asst_job *job);

/* True when a block opens at the cursor and ASST_SCOPE_AUTO chose to write one. */
bool asst_job_is_block(const struct asst_job *job);

/* The session must be of the job's model. cancel may be NULL. */
enum eng_status asst_complete_prefill(struct eng_session *session, const struct asst_job *job,
                                      eng_cancel *cancel, struct eng_error *err);

/* ENG_CANCELLED: *out is empty. Free with asst_result_free. */
enum eng_status asst_complete_run(struct eng_session *session, struct asst_job *job,
                                  eng_cancel *cancel, struct asst_result *out,
                                  struct eng_error *err);
void asst_result_free(struct asst_result *result);

#endif
