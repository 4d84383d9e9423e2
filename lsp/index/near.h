/* near.h: files that are likely to be alike.
 *
 * Nobody knows what a person will write next as well as what was written next door: in files of the
 * same language, in the same folder, with similar names.
 */
#ifndef ESPALIER_INDEX_NEAR_H
#define ESPALIER_INDEX_NEAR_H

#include "lsp/index/store.h"

#define IDX_NEAR_FILES 32

/* What is worth reading of them in all, and of one; larger files are passed over. */
#define IDX_NEAR_BYTES     (192u * 1024u)
#define IDX_NEAR_MAX_BYTES (128u * 1024u)

/* Languages whose files know each other: C and C++, JavaScript and TypeScript, each and itself. */
bool idx_is_family(const struct gram_language *a, const struct gram_language *b);

/* Numbers of up to max files of the family of lang below root, but for the one at path: those whose
 * paths have the longest beginning in common with it first, of these the ones of its language, then
 * by number. Reads all paths of the store. */
size_t idx_near(const struct idx_store *store, const char *path, const char *root,
                const struct gram_language *lang, uint32_t *files, size_t max);

#endif
