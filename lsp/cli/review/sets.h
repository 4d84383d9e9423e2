/* sets.h: the rules for each language. */
#ifndef ESPALIER_CLI_REVIEW_SETS_H
#define ESPALIER_CLI_REVIEW_SETS_H

#include "lsp/assist/review/rules.h"
#include "lsp/cli/files.h"

/* Rules of the languages of some files. */
struct cli_rule_sets {
    struct rev_rules **sets; /* [gram_count()], NULL where a language has no file */
};

/* With those of folder/<language>/<code>.scm, where folder is not NULL. False after a message. */
bool cli_rule_sets_load(const struct cli_files *files, const char *folder,
                        struct cli_rule_sets *out);
const struct rev_rules *cli_rule_sets_of(const struct cli_rule_sets *sets,
                                         const struct gram_language *lang);
void cli_rule_sets_free(struct cli_rule_sets *sets);

#endif
