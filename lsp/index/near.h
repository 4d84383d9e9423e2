/* near.h: files that are likely to be alike.
 *
 * Nobody knows what a person will write next as well as what was written next door: in files of the
 * same language, in the same folder, with similar names.
 */
#ifndef ESPALIER_INDEX_NEAR_H
#define ESPALIER_INDEX_NEAR_H

#include "lsp/index/recent.h"
#include "lsp/index/scan.h"

#define IDX_NEAR_FILES 32

/* What is worth reading of them in all, and of one; larger files are passed over. */
#define IDX_NEAR_BYTES     (192u * 1024u)
#define IDX_NEAR_MAX_BYTES (128u * 1024u)

/* Files and folders that are looked at for them where there is no index. */
#define IDX_NEAR_NAMES 5000u

/* Languages whose files know each other: C and C++, JavaScript and TypeScript, each and itself. */
bool idx_is_family(const struct gram_language *a, const struct gram_language *b);

/* Numbers of up to max files that the view sees, of the family of lang below root, but for the one
 * at path: those whose paths have the longest beginning in common with it first, of these the ones
 * of its language, then by number. Reads all paths of the store. */
size_t idx_near(const struct idx_store *store, unsigned view, const char *path, const char *root,
                const struct gram_language *lang, uint32_t *files, size_t max);

struct idx_texts {
    struct idx_text {
        char *text;
        size_t len;
    } at[IDX_NEAR_FILES];
    size_t n;
};

/* Their texts, the nearest first: of those that are among the recents (NULL: none) as they are
 * there, of the others as they stand on the disk. Takes the target's guard for the store and for
 * the recents, and does not hold it while it reads. */
void idx_near_texts(const struct idx_target *target, const struct idx_recents *recents,
                    const char *path, const char *root, const struct gram_language *lang,
                    struct idx_texts *out);

/* The same without an index, as one of all files below root would have it: looks for the files
 * itself, from the file's folder outwards, until there can be no nearer ones, or IDX_NEAR_NAMES
 * were looked at; in a folder of more names so some may be missed. max_file: bytes of a file that
 * is indexed. */
void idx_near_texts_outwards(const char *root, const char *path, const struct gram_language *lang,
                             uint64_t max_file, struct idx_texts *out);
void idx_texts_free(struct idx_texts *texts);

#endif
