/* opinion.h: what the model thinks of slips, and whether to speak of it.
 *
 * A function is read with each of its slips (view.h), the head points at the one that was most
 * likely meant, or at none (head.h), and what it is sure enough of becomes a finding: a hint or an
 * information, never more, with an edit that is never made unasked. */
#ifndef ESPALIER_REVIEW_OPINION_H
#define ESPALIER_REVIEW_OPINION_H

#include "lsp/assist/review/memo.h"
#include "lsp/assist/review/review.h"
#include "lsp/assist/review/view.h"

/* Numbers of about -3 to 3. The order is part of trained heads: append, never reorder. */
enum rev_evidence {
    REV_EVIDENCE_JOINT = 0, /* the views' logarithms, a quarter of each */
    REV_EVIDENCE_FIRST,
    REV_EVIDENCE_OWN,
    REV_EVIDENCE_RIVALS,     /* ln(1 + slips at the place) */
    REV_EVIDENCE_NAME_LEFT,  /* of a name: ln(1 + times that it stands in the function, here
                                left out) */
    REV_EVIDENCE_OTHER_LEFT, /* the same of the name that the slip would put there */
    REV_EVIDENCE_NAME_LINE,  /* ln(1 + times in the line), here left out */
    REV_EVIDENCE_OTHER_LINE,
    REV_EVIDENCE_UNREAD, /* 1: the slip's name stands nowhere but where it is bound */
    REV_EVIDENCE_LIKE,   /* share of the longer text that the two have in common, at both ends */
    REV_EVIDENCE_MEAN,   /* mean log P of the tokens of the function: how odd all of it is */
    REV_EVIDENCE_REST,   /* joint less first: what the rest of the text says */
    REV_EVIDENCE_COUNT
};

/* Of view number i, in the function (or other part) [start, end) of a text that the views are of.
 */
void rev_evidence_of(const char *text, const struct syn_slips *slips, const struct rev_views *views,
                     size_t i, size_t start, size_t end, float out[REV_EVIDENCE_COUNT]);

/* What the head makes of all views of the part [start, end) of a document. */
void rev_judge(const struct rev_head *head, const struct syn_document *doc,
               const struct syn_slips *slips, const struct rev_views *views, size_t start,
               size_t end, struct rev_opinion *out);

/* The whole lines of a function: bytes [*start, *end). Returns how many. */
size_t rev_lines_of(const struct syn_document *doc, struct syn_span function, size_t *start,
                    size_t *end);

/* Adds the opinions on the functions that overlap [start, end), at most one on each; in no order.
 * code: of one class alone, or NULL. */
enum syn_status rev_opine(const struct rev_opinions *opinions, const char *code,
                          const struct syn_document *doc, size_t start, size_t end,
                          struct rev_findings *out, struct syn_error *err);

#endif
