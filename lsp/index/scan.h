/* scan.h: bringing a store up to date with the files.
 *
 * A scan walks a folder and puts into the store what is new or changed: a file of the same time
 * and size is taken for the same, one of the same contents only gets its new time, the others are
 * parsed. At its end what is no longer there is removed. A step is one file, so that whoever
 * drives it can stop between any two.
 *
 * The store may be read by other threads meanwhile: the guard's functions are called around each
 * use of it, and never while a file is read or parsed.
 */
#ifndef ESPALIER_INDEX_SCAN_H
#define ESPALIER_INDEX_SCAN_H

#include "lsp/index/walk.h"

/* Both NULL: nobody else has the store. */
struct idx_guard {
    void (*lock)(void *user);
    void (*unlock)(void *user);
    void *user;
};

struct idx_target {
    struct idx_store *store;
    struct idx_guard guard;
    uint64_t max_file; /* bytes of a file; larger ones are passed over */
    unsigned view;     /* whose buffers are told of and seen; see store.h */
};

/* The file's bytes, at most max and one; NULL when it cannot be read. The caller frees them. */
char *idx_read_bytes(const char *path, size_t max, size_t *len);

/* What became of the files. */
struct idx_counts {
    uint64_t files, bytes; /* seen */
    uint64_t unchanged, same_text, indexed, removed;
    uint64_t binary, minified, large, slow, unreadable; /* passed over */
    uint64_t full;                                      /* the store took no more */
    uint64_t ignored, beyond;                           /* not seen: see walk.h */
};

struct idx_scan;

struct idx_scan *idx_scan_open(const struct idx_target *target, const char *folder,
                               bool no_ignore); /* NULL: out of memory */
void idx_scan_close(struct idx_scan *scan); /* takes NULL; what was not reached stays as it was */

/* One file more. False when all is done. */
bool idx_scan_step(struct idx_scan *scan);

void idx_scan_counts(const struct idx_scan *scan, struct idx_counts *out);

/* Reads one file again; a file that is gone, or that idx_walk_covers does not find below the
 * folder, leaves the store. */
enum idx_status idx_update_file(const struct idx_target *target, const char *folder,
                                const char *path);

/* For the target's view, takes an editor's text for the file's, whatever is on disk, until
 * idx_release or until the file has the same contents. */
enum idx_status idx_update_text(const struct idx_target *target, const char *path,
                                const struct gram_language *lang, const char *text, size_t len);

/* The editor has closed the file: what is on disk counts again. */
void idx_release(const struct idx_target *target, const char *path);

#endif
