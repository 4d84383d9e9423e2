/* store.h: the index in memory: entries by path, and who defines a name.
 *
 * Files and symbols are known by numbers; a file's number is good until the file is removed.
 * What find and the like return are numbers and, through idx_store_file, views into the store
 * that last until its next change.
 *
 * Bounded: idx_limits says how many files and bytes (entries, paths and tables together) it
 * takes; what comes beyond is refused with IDX_FULL, and nothing that is there is lost.
 *
 * Views. Several windows may share one store. What is on disk is there once and everybody sees it;
 * the text of a buffer that differs from its file is there beside it, under the number of the view
 * it belongs to, and hides the file from that view alone. So nobody is shown what somebody else has
 * not saved. A buffer whose text is the file's is not kept.
 *
 * Pure, no locks: one thread at a time, or readers alone.
 */
#ifndef ESPALIER_INDEX_STORE_H
#define ESPALIER_INDEX_STORE_H

#include "lsp/index/extract.h"

#define IDX_MAX_PATH 4096
#define IDX_DISK     0u  /* the view of what is on disk */
#define IDX_VIEWS    64u /* others are 1 ... IDX_VIEWS */

struct idx_limits {
    size_t bytes; /* of memory */
    uint32_t files;
};

/* What tells whether a file is the one that was read. */
struct idx_stamp {
    int64_t modified;    /* nanoseconds since 1970 */
    uint64_t size, hash; /* of the contents */
    unsigned view;       /* whose buffer it is; IDX_DISK: the file as it is on disk */
};

struct idx_ref {
    uint32_t file, symbol;
};

struct idx_file {
    const char *path;
    const struct idx_entry *entry;
    struct idx_stamp stamp;
};

struct idx_store;

struct idx_store *idx_store_new(const struct idx_limits *limits); /* NULL: out of memory */
void idx_store_free(struct idx_store *store);                     /* takes NULL */

/* Puts or replaces a file's entry in the view that the stamp says, which is taken over if it is
 * put, and only then. A file on disk takes the place of buffers with the same contents. */
enum idx_status idx_store_put(struct idx_store *store, const char *path,
                              const struct idx_stamp *stamp, struct idx_entry *entry);
bool idx_store_remove(struct idx_store *store, const char *path, unsigned view);

/* Removes all buffers of a view. */
void idx_store_end_view(struct idx_store *store, unsigned view);

/* The file's number, as the view sees it; false when it is not there. */
bool idx_store_at(const struct idx_store *store, unsigned view, const char *path, uint32_t *file);

/* Is file number `file` what this view sees of its path? */
bool idx_store_sees(const struct idx_store *store, unsigned view, uint32_t file);

/* False for a number that is no file's (any more). */
bool idx_store_file(const struct idx_store *store, uint32_t file, struct idx_file *out);

/* Numbers are below this. */
uint32_t idx_store_end(const struct idx_store *store);

/* A new stamp for the same contents. */
void idx_store_restamp(struct idx_store *store, uint32_t file, const struct idx_stamp *stamp);

/* Marks: idx_store_sweep removes files below folder (an absolute path without a slash at its
 * end) on disk that have not been put, restamped or marked since idx_store_unmark. Returns how
 * many. */
void idx_store_unmark(struct idx_store *store);
void idx_store_mark(struct idx_store *store, uint32_t file);
size_t idx_store_sweep(struct idx_store *store, const char *folder);

/* True when the path is below the folder. */
bool idx_is_below(const char *path, const char *folder);

/* Definitions of a name that the view sees, the last put first; up to max. *more: there are
 * others. */
size_t idx_store_find(const struct idx_store *store, unsigned view, const char *name, size_t len,
                      struct idx_ref *out, size_t max, bool *more);

/* Files in a folder, and files whose name without its last extension is this, up to max. */
size_t idx_store_folder(const struct idx_store *store, unsigned view, const char *folder,
                        size_t len, uint32_t *out, size_t max);
size_t idx_store_stem(const struct idx_store *store, unsigned view, const char *stem, size_t len,
                      uint32_t *out, size_t max);

/* The part of a path that is the folder, and its name without the last extension. */
size_t idx_folder_of(const char *path);
void idx_stem_of(const char *path, size_t *start, size_t *len);

struct idx_store_info {
    uint32_t files; /* buffers that differ from theirs count beside them */
    uint64_t symbols;
    size_t bytes;
};
void idx_store_info(const struct idx_store *store, struct idx_store_info *out);

#endif
