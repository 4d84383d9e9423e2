/* known.h: findings that are known already: those of a baseline file, or of an older text. */
#ifndef ESPALIER_CLI_REVIEW_KNOWN_H
#define ESPALIER_CLI_REVIEW_KNOWN_H

#include "lsp/assist/review/review.h"

struct cli_known;

/* Reads a baseline: {"version": 1, "findings": [{"file", "code", "fingerprint"}]}. NULL after a
 * message. */
struct cli_known *cli_known_read(const char *path);
void cli_known_free(struct cli_known *known); /* takes NULL */

/* Takes out the findings of the file that are known; returns how many. Any thread. */
size_t cli_known_drop(const struct cli_known *known, const char *file,
                      struct rev_findings *findings);

/* Takes out those that are in `before`, too; returns how many. */
size_t cli_known_subtract(const struct rev_findings *before, struct rev_findings *findings);

/* Collects a baseline, file by file, and writes it. */
struct cli_baseline;
struct cli_baseline *cli_baseline_begin(void);
void cli_baseline_add(struct cli_baseline *baseline, const char *file,
                      const struct rev_findings *findings);
/* False after a message. Frees. */
bool cli_baseline_end(struct cli_baseline *baseline, const char *path);

#endif
