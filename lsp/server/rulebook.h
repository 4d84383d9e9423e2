/* rulebook.h: the rules of a process for reviews and refactorings, each language's compiled once
 * however many clients use them: compiled, those for reviews take up to 8 MB a language.
 *
 * Rules live as long as the book. Any thread; who asks waits while rules are being compiled.
 */
#ifndef ESPALIER_SERVER_RULEBOOK_H
#define ESPALIER_SERVER_RULEBOOK_H

#include "lsp/assist/refactor/rules.h"
#include "lsp/assist/review/rules.h"

struct lsp_rulebook;

/* NULL when out of memory. */
struct lsp_rulebook *lsp_rulebook_new(void);
void lsp_rulebook_free(struct lsp_rulebook *book); /* takes NULL */

/* Compiles them if nobody has; NULL after a message. */
const struct rev_rules *lsp_rulebook_of(struct lsp_rulebook *book, const struct gram_language *lang,
                                        struct syn_error *err);
const struct ref_rules *lsp_rulebook_refactorings(struct lsp_rulebook *book,
                                                  const struct gram_language *lang,
                                                  struct syn_error *err);

#endif
