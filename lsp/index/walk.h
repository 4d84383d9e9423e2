/* walk.h: the files of a folder that are worth indexing, one at a time.
 *
 * Goes down a folder in order of names, so that the same tree gives the same files. Left out:
 * what .gitignore and .ignore files say (.ignore before .gitignore, the nearest folder first, also
 * those of the folders above the one that is walked as far as the root of its repository, and
 * .git/info/exclude in the end; the folder itself is walked whatever they say of it), names that
 * start with a dot, folders that hold what other people wrote or machines made (node_modules,
 * __pycache__), symbolic links, and files of no known language. Nothing is opened but folders and
 * ignore files.
 *
 * Bounded: at most IDX_WALK_DEPTH levels and IDX_WALK_NAMES names in one folder; what is beyond is
 * left out and counted. One thread at a time.
 */
#ifndef ESPALIER_INDEX_WALK_H
#define ESPALIER_INDEX_WALK_H

#include "lsp/index/store.h"

#define IDX_WALK_DEPTH 48
#define IDX_WALK_NAMES 65536u

struct idx_walk;

/* folder: an absolute path. NULL when out of memory; a folder that cannot be read has no files.
 * no_ignore: ignore files are not looked at. */
struct idx_walk *idx_walk_open(const char *folder, bool no_ignore);

/* Goes outwards from the file at path instead: first its folder with all that is below, then what
 * else is in the folder above, and so on as far as root. So what comes later has a shorter
 * beginning in common with the path than all that came from a deeper folder. */
struct idx_walk *idx_walk_outwards(const char *root, const char *path);
void idx_walk_close(struct idx_walk *walk); /* takes NULL */

struct idx_found {
    const char *path; /* valid until the next call */
    const struct gram_language *lang;
    int64_t modified; /* nanoseconds since 1970 */
    uint64_t size;
};

/* The next file. False past the last. */
bool idx_walk_next(struct idx_walk *walk, struct idx_found *out);

/* Files and folders that the system was asked about. */
uint64_t idx_walk_looked_at(const struct idx_walk *walk);

/* Files and folders that were left out by a rule, and because of a bound. */
void idx_walk_passed(const struct idx_walk *walk, uint64_t *ignored, uint64_t *beyond);

/* Would the walk of this folder come to the path, by its rules and name? */
bool idx_walk_covers(const char *folder, const char *path);

#endif
