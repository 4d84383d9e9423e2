/* sets.h: what is rewritten in each language. */
#ifndef ESPALIER_CLI_REFACTOR_SETS_H
#define ESPALIER_CLI_REFACTOR_SETS_H

#include "lsp/assist/refactor/rules.h"
#include "lsp/cli/files.h"

struct cli_refactorings {
    struct ref_rules **sets; /* [gram_count()], NULL where a language has no file */
};

/* Ours for the languages of some files, with those of folder/<language>/<code>.rule, where folder
 * is not NULL. False after a message. *out is freed by the caller, whatever comes back. */
bool cli_refactorings_load(const struct cli_files *files, const char *folder,
                           struct cli_refactorings *out);

/* One pattern of one language, and nothing else. become NULL: it is only found. */
bool cli_refactorings_pattern(const char *language, const char *pattern, const char *become,
                              struct cli_refactorings *out);

const struct ref_rules *cli_refactorings_of(const struct cli_refactorings *sets,
                                            const struct gram_language *lang);
void cli_refactorings_free(struct cli_refactorings *sets);

/* Runs the tests that rules have; codes[n]: of these alone, 0 for all. Says which fail. */
bool cli_refactorings_test(const struct cli_refactorings *sets, const char *const *codes, size_t n);
void cli_refactorings_list(const struct cli_refactorings *sets);

#endif
