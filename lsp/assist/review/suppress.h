/* suppress.h: comments that excuse findings. Private to review/. */
#ifndef ESPALIER_REVIEW_SUPPRESS_H
#define ESPALIER_REVIEW_SUPPRESS_H

#include "lsp/assist/review/review.h"

/* Takes out what comments excuse, ours or those to another linter, and counts it; adds one finding
 * for each that gives no reason. Findings are in order before and after. False when memory ran out.
 */
bool rev_suppress(const struct syn_document *doc, struct rev_findings *findings);

enum syn_status rev_no_memory(struct syn_error *err);

#endif
