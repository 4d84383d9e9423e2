/* review.h: what is wrong in a text, by rules and by what a model thinks.
 *
 * Findings are values that borrow nothing from the document; their rules have to outlive them. They
 * come in the order of the text, at most one of a rule at a place. The same text gives the same
 * findings, and a finding keeps its fingerprint while the text around it changes: it is made of the
 * rule, the finding's tokens, the name of what it lies in, and a number where these are the same.
 *
 * A comment `espalier: ignore CODE[, CODE...] REASON` on a finding's first line, or alone on the
 * line above it, takes it away; with `ignore-file` in the first twenty lines, in the whole file.
 * One without a reason takes nothing away and is a finding itself (REV_BARE_SUPPRESSION).
 *
 * Threads: one review uses its document alone; rules may be shared.
 */
#ifndef ESPALIER_REVIEW_H
#define ESPALIER_REVIEW_H

#include "engine/engine.h"
#include "lsp/assist/review/rules.h"

#define REV_MESSAGE_MAX      256
#define REV_FINDINGS_MAX     10000 /* of one file; more are counted and left out */
#define REV_BARE_SUPPRESSION "suppression-without-reason"

struct rev_fix {
    uint32_t start, end; /* bytes of the text that become */
    char *text;          /* this; NULL: there is no fix */
    bool safe;
};

struct rev_finding {
    const struct rev_rule *rule; /* NULL: REV_BARE_SUPPRESSION */
    enum rev_severity severity;  /* the rule's; of an opinion, by how sure it is */
    double confidence;           /* the same */
    uint32_t start, end;
    struct syn_span related; /* where rule->related holds; empty: nowhere */
    char message[REV_MESSAGE_MAX];
    struct rev_fix fix;
    uint64_t fingerprint;
};

struct rev_findings {
    struct rev_finding *list;
    size_t count, capacity;
    size_t left_out, suppressed;
    size_t unasked; /* functions that only the model could tell more about */
};

const char *rev_finding_code(const struct rev_finding *finding);

/* Is there another place that has to do with it (finding->related, finding->rule->related)? */
bool rev_finding_is_related(const struct rev_finding *finding);

/* Where opinions come from: a reader of the calling thread's (view.h), and the model's head
 * (head.h).
 */
struct rev_opinions {
    struct rev_reader *reader;
    const struct rev_head *head;
    struct rev_memo *memo; /* what was thought before (memo.h), or NULL */
    bool remembered;       /* only that: the model is not asked */
    bool accept;           /* nor is it ever about functions that are as they are now: with a
                              memo, for who wants opinions on what is changed from now on */
    eng_cancel *cancel;    /* or NULL */
};

/* Reviews a parsed document; code: of one rule, or NULL for all; opinions: NULL for none. The
 * findings overlap [start, end). SYN_CANCELLED when the document's stop flag, or the opinions' one,
 * was set. *out is freed by the caller, whatever comes back. */
enum syn_status rev_review(const struct rev_rules *rules, const char *code,
                           const struct rev_opinions *opinions, const struct syn_document *doc,
                           size_t start, size_t end, struct rev_findings *out,
                           struct syn_error *err);
void rev_findings_free(struct rev_findings *findings);

/* Takes the finding over: false when memory ran out. Beyond REV_FINDINGS_MAX it is counted and left
 * out. */
bool rev_findings_add(struct rev_findings *findings, const struct rev_finding *finding);

/* Gives findings, in the order of the text, their fingerprints. False when memory ran out. */
bool rev_findings_mark(const struct syn_document *doc, struct rev_findings *findings,
                       struct syn_error *err);

/* The rules that opinions are findings of, one for each class of slips (syntax/slip.h); static. */
const struct rev_rule *rev_opinion_rules(size_t *count);

/* The text of doc with those fixes in it that are wanted, the first of those that overlap; the
 * caller frees. NULL when memory ran out. *applied: how many. It has no more syntax errors than
 * before: only as many fixes, from the first on, are in it as leave that so. */
char *rev_apply(const struct syn_document *doc, const struct rev_findings *findings, bool unsafe,
                size_t *len, size_t *applied);

#endif
