/* seen.h: texts that a review of before found nothing in, kept in the user's cache folder. */
#ifndef ESPALIER_CLI_REVIEW_SEEN_H
#define ESPALIER_CLI_REVIEW_SEEN_H

#include "lsp/assist/review/rules.h"
#include "lsp/assist/review/seen.h"
#include "lsp/cli/cli.h"

struct cli_seen;

/* NULL when nothing is to be kept (cache.onDisk), or there is no place for it. */
struct cli_seen *cli_seen_open(const struct cli *cli);

/* Writes what has come to it, with a warning when that is not possible, and frees; takes NULL. */
void cli_seen_close(const struct cli *cli, struct cli_seen *seen);

/* Of a text and what it is reviewed with: this program, these rules, this model (a sum of its
 * files; 0: of none). */
struct rev_seen_key cli_seen_key(const struct cli_seen *seen, const struct rev_rules *rules,
                                 uint64_t model, const char *text, size_t len);

/* Of any thread. */
bool cli_seen_find(struct cli_seen *seen, struct rev_seen_key key);
void cli_seen_add(struct cli_seen *seen, struct rev_seen_key key);

#endif
