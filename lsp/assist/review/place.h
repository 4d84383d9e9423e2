/* place.h: where code stands, and what that makes of findings in it. */
#ifndef ESPALIER_REVIEW_PLACE_H
#define ESPALIER_REVIEW_PLACE_H

#include "lsp/assist/review/review.h"

/* Is it a test's or a benchmark's file, by a folder or by the file's name? path: from the root of
 * the project or of what was asked for; what is above it may be called as it likes. */
bool rev_is_test(const char *path);

/* Does it say in its first lines that a program has written it? */
bool rev_is_made(const char *text, size_t len);

/* In tests and benchmarks, which compare things with themselves, provoke errors and work for
 * nothing on purpose, and in files that nobody writes, warnings and information become hints. What
 * is proven to fail stays an error. Findings of user's rules stay as they are. path as above, or
 * NULL.
 */
void rev_soften(struct rev_findings *findings, const char *path, const char *text, size_t len);

#endif
