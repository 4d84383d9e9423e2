/* opinion.h: what the model thinks of a slip, as numbers that decide whether to speak of it.
 *
 * Pure functions of their arguments. */
#ifndef ESPALIER_REVIEW_OPINION_H
#define ESPALIER_REVIEW_OPINION_H

#include "lsp/assist/review/view.h"

/* Numbers of about -3 to 3. The order is part of trained heads: append, never reorder. */
enum rev_evidence {
    REV_EVIDENCE_JOINT = 0, /* the views' logarithms, a quarter of each */
    REV_EVIDENCE_MIDDLE,
    REV_EVIDENCE_FIRST,
    REV_EVIDENCE_OWN,
    REV_EVIDENCE_LEAST,      /* the smaller of joint and middle */
    REV_EVIDENCE_RIVALS,     /* ln(1 + slips at the place) */
    REV_EVIDENCE_NAME_LEFT,  /* of a name: ln(1 + times that it stands in the function, here
                                left out) */
    REV_EVIDENCE_OTHER_LEFT, /* the same of the name that the slip would put there */
    REV_EVIDENCE_NAME_LINE,  /* ln(1 + times in the line), here left out */
    REV_EVIDENCE_OTHER_LINE,
    REV_EVIDENCE_UNREAD, /* 1: the slip's name stands nowhere but where it is bound */
    REV_EVIDENCE_LIKE,   /* share of the longer text that the two have in common, at both ends */
    REV_EVIDENCE_REST,   /* joint less first: what the rest of the text says */
    REV_EVIDENCE_COUNT
};

/* Of a view of a slip, in the function (or other part) [start, end) of a text. */
void rev_evidence_of(const char *text, const struct syn_slips *slips, const struct rev_view *view,
                     size_t start, size_t end, float out[REV_EVIDENCE_COUNT]);

#endif
