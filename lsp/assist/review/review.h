/* review.h: what is wrong in a text, by rules.
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
    uint32_t start, end;
    char message[REV_MESSAGE_MAX];
    struct rev_fix fix;
    uint64_t fingerprint;
};

struct rev_findings {
    struct rev_finding *list;
    size_t count, capacity;
    size_t left_out, suppressed;
};

const char *rev_finding_code(const struct rev_finding *finding);
enum rev_severity rev_finding_severity(const struct rev_finding *finding);
double rev_finding_confidence(const struct rev_finding *finding);

/* Reviews a parsed document; code: of one rule, or NULL for all. The findings overlap [start, end).
 * SYN_CANCELLED when the document's stop flag was set. *out is freed by the caller, whatever comes
 * back. */
enum syn_status rev_review(const struct rev_rules *rules, const char *code,
                           const struct syn_document *doc, size_t start, size_t end,
                           struct rev_findings *out, struct syn_error *err);
void rev_findings_free(struct rev_findings *findings);

/* The text of doc with those fixes in it that are wanted, the first of those that overlap; the
 * caller frees. NULL when memory ran out. *applied: how many. It has no more syntax errors than
 * before: only as many fixes, from the first on, are in it as leave that so. */
char *rev_apply(const struct syn_document *doc, const struct rev_findings *findings, bool unsafe,
                size_t *len, size_t *applied);

#endif
