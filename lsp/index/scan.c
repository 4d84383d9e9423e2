/* From files to entries: what has to be read, what has to be parsed, what has to go.
 *
 * Owns the order of the questions, cheapest first (time and size, then the contents' hash), and
 * the rule that nothing slow happens inside the guard.
 */
#include "lsp/index/scan.h"
#include "grammars/grammars.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct idx_scan {
    struct idx_target target;
    struct idx_walk *walk;
    struct idx_counts counts;
    char folder[IDX_MAX_PATH];
};

static void lock(const struct idx_target *t)
{
    if (t->guard.lock) t->guard.lock(t->guard.user);
}

static void unlock(const struct idx_target *t)
{
    if (t->guard.unlock) t->guard.unlock(t->guard.user);
}

/* The stamp that the store has; false when it lacks the file. */
static bool stamp_of(const struct idx_target *t, const char *path, bool mark,
                     struct idx_stamp *stamp)
{
    uint32_t number;
    struct idx_file file;
    lock(t);
    bool there =
        idx_store_at(t->store, IDX_DISK, path, &number) && idx_store_file(t->store, number, &file);
    if (there) *stamp = file.stamp;
    if (there && mark) idx_store_mark(t->store, number);
    unlock(t);
    return there;
}

static enum idx_status put(const struct idx_target *t, const char *path,
                           const struct idx_stamp *stamp, struct idx_entry *entry)
{
    lock(t);
    enum idx_status status = idx_store_put(t->store, path, stamp, entry);
    unlock(t);
    return status;
}

static void remove_file(const struct idx_target *t, const char *path, unsigned view)
{
    lock(t);
    idx_store_remove(t->store, path, view);
    unlock(t);
}

static void restamp(const struct idx_target *t, const char *path, const struct idx_stamp *stamp)
{
    uint32_t number;
    lock(t);
    if (idx_store_at(t->store, IDX_DISK, path, &number)) idx_store_restamp(t->store, number, stamp);
    unlock(t);
}

char *idx_read_bytes(const char *path, size_t max, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    struct stat info;
    size_t room = fstat(fileno(file), &info) == 0 && info.st_size > 0 ? (size_t)info.st_size : 0;
    if (room > max) room = max;
    char *text = malloc(room + 2);
    *len = text ? fread(text, 1, room + 1, file) : 0;
    bool failed = ferror(file) != 0;
    fclose(file);
    if (!failed) return text;
    free(text);
    return NULL;
}

/* Reads the file found and puts it into the store, unless its contents are what was there. */
static enum idx_status index_file(const struct idx_target *t, const struct idx_found *found,
                                  const struct idx_stamp *old, bool *same)
{
    *same = false;
    if (found->size > t->max_file) return IDX_TOO_LARGE;
    size_t len;
    char *text = idx_read_bytes(found->path, (size_t)t->max_file, &len);
    if (!text) return IDX_BAD_FILE;
    enum idx_status status = len > t->max_file ? IDX_TOO_LARGE : IDX_OK;
    struct idx_stamp stamp = {found->modified, found->size, idx_hash(text, len), IDX_DISK};
    struct idx_entry entry = {0};
    if (status == IDX_OK && old && old->hash == stamp.hash && old->size == stamp.size) {
        *same = true;
        restamp(t, found->path, &stamp);
    } else if (status == IDX_OK) {
        status = idx_extract(found->lang, text, len, &entry);
        if (status == IDX_OK) status = put(t, found->path, &stamp, &entry);
        idx_entry_free(&entry);
    }
    free(text);
    return status;
}

/* ---- A folder --------------------------------------------------------------------------- */

struct idx_scan *idx_scan_open(const struct idx_target *target, const char *folder, bool no_ignore)
{
    struct idx_scan *scan = calloc(1, sizeof *scan);
    if (!scan) return NULL;
    scan->target = *target;
    snprintf(scan->folder, sizeof scan->folder, "%s", folder);
    size_t len = strlen(scan->folder);
    while (len > 1 && scan->folder[len - 1] == '/')
        scan->folder[--len] = 0;
    scan->walk = idx_walk_open(scan->folder, no_ignore);
    if (!scan->walk) {
        free(scan);
        return NULL;
    }
    lock(target);
    idx_store_unmark(target->store);
    unlock(target);
    return scan;
}

void idx_scan_close(struct idx_scan *scan)
{
    if (!scan) return;
    idx_walk_close(scan->walk);
    free(scan);
}

static void count(struct idx_counts *counts, enum idx_status status)
{
    uint64_t *const of[] = {
        [IDX_OK] = &counts->indexed,        [IDX_NO_MEMORY] = &counts->full,
        [IDX_FULL] = &counts->full,         [IDX_BINARY] = &counts->binary,
        [IDX_MINIFIED] = &counts->minified, [IDX_TOO_LARGE] = &counts->large,
        [IDX_TOO_SLOW] = &counts->slow,     [IDX_BAD_FILE] = &counts->unreadable};
    ++*of[status];
}

bool idx_scan_step(struct idx_scan *scan)
{
    const struct idx_target *t = &scan->target;
    struct idx_found found;
    if (!idx_walk_next(scan->walk, &found)) {
        lock(t);
        scan->counts.removed = idx_store_sweep(t->store, scan->folder);
        unlock(t);
        return false;
    }
    scan->counts.files++;
    struct idx_stamp old;
    bool there = stamp_of(t, found.path, true, &old), same;
    if (there && old.modified == found.modified && old.size == found.size) {
        scan->counts.unchanged++;
        return true;
    }
    enum idx_status status = index_file(t, &found, there ? &old : NULL, &same);
    if (same)
        scan->counts.same_text++;
    else
        count(&scan->counts, status);
    if (status == IDX_OK) scan->counts.bytes += found.size;
    if (status != IDX_OK && there) remove_file(t, found.path, IDX_DISK);
    return true;
}

void idx_scan_counts(const struct idx_scan *scan, struct idx_counts *out)
{
    *out = scan->counts;
    idx_walk_passed(scan->walk, &out->ignored, &out->beyond);
}

/* ---- One file --------------------------------------------------------------------------- */

enum idx_status idx_update_file(const struct idx_target *t, const char *folder, const char *path)
{
    struct stat info;
    struct idx_stamp old;
    bool there = stamp_of(t, path, false, &old), same;
    bool file = lstat(path, &info) == 0 && S_ISREG(info.st_mode) && idx_walk_covers(folder, path);
    enum idx_status status = IDX_OK;
    if (file) {
        struct idx_found found = {.path = path,
                                  .lang = gram_by_path(path, NULL, 0),
                                  .modified = (int64_t)info.st_mtim.tv_sec * 1000000000 +
                                              info.st_mtim.tv_nsec,
                                  .size = (uint64_t)info.st_size};
        status = index_file(t, &found, there ? &old : NULL, &same);
    }
    if (there && (!file || status != IDX_OK)) remove_file(t, path, IDX_DISK);
    return status;
}

enum idx_status idx_update_text(const struct idx_target *t, const char *path,
                                const struct gram_language *lang, const char *text, size_t len)
{
    struct idx_entry entry = {0};
    struct idx_stamp disk;
    const struct idx_stamp stamp = {0, len, idx_hash(text, len), t->view};
    if (len > t->max_file) return IDX_TOO_LARGE;
    if (stamp_of(t, path, false, &disk) && disk.size == len && disk.hash == stamp.hash) {
        remove_file(t, path, t->view);
        return IDX_OK;
    }
    enum idx_status status = idx_extract(lang, text, len, &entry);
    if (status == IDX_OK) status = put(t, path, &stamp, &entry);
    idx_entry_free(&entry);
    return status;
}

void idx_release(const struct idx_target *t, const char *path)
{
    remove_file(t, path, t->view);
}
