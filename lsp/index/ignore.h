/* ignore.h: the rules of .gitignore and .ignore files.
 *
 * One object holds the rules of one file and speaks of paths below that file's folder. Which
 * files count for a path, and in which order, is the walker's business: the nearest folder's
 * rules that say anything win, and what lies in an ignored folder is not looked at.
 *
 * What is understood: comments, `!`, a slash at the end (folders only), a slash elsewhere (the
 * whole path from the folder, else any name below it), `*`, `?`, `[a-z]`, `[!a-z]`, and `**`
 * as a whole component; a backslash takes the next byte as it is. Bytes are compared, case
 * counts. Matching takes time in proportion to path times pattern, for any pattern.
 *
 * Pure. Immutable once read: any threads may ask.
 */
#ifndef ESPALIER_INDEX_IGNORE_H
#define ESPALIER_INDEX_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

#define IDX_IGNORE_MAX_RULES   4096 /* of one file; what comes behind them is not read */
#define IDX_IGNORE_MAX_BYTES   (256u * 1024u)
#define IDX_IGNORE_MAX_PATTERN 1024 /* longer lines are passed over */

enum idx_verdict { IDX_UNDECIDED = 0, IDX_IGNORED, IDX_KEPT };

struct idx_ignore;

/* The rules in text[len], any bytes. NULL when out of memory. Free with idx_ignore_free. */
struct idx_ignore *idx_ignore_read(const char *text, size_t len);
void idx_ignore_free(struct idx_ignore *ignore); /* takes NULL */

/* Rules that were read. */
size_t idx_ignore_count(const struct idx_ignore *ignore);

/* What the last rule that matches says of a path relative to the folder, without a slash at
 * either end. */
enum idx_verdict idx_ignore_match(const struct idx_ignore *ignore, const char *path,
                                  bool is_folder);

#endif
