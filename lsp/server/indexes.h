/* indexes.h: the workspace indexes of a process, each made once however many windows use it.
 *
 * Sessions that name the same folders, in the same order, with the same options get the same index:
 * one thread of low priority, one store, one file on disk. Others get one of their own. Whoever is
 * the last to leave ends it: its thread saves what is to be kept and goes, and nobody waits for
 * it; who comes back before it has gone gets it again.
 *
 * What is shared is what is on disk. What a window has open, and has not saved, is seen by that
 * window alone (see "Views" in lsp/index/store.h), and so are the chunks of what was edited or
 * looked at in it: two windows may well be two states of one's work. When a file is saved, all see
 * it.
 *
 * The thread loads the store from disk, walks the folders, reads what changed and saves it. It
 * works file by file and waits between two while somebody types in one of the windows. Members tell
 * it what happened and ask it what to show; both take microseconds, as nothing is read or parsed
 * while the store is locked.
 *
 * Queued work is bounded: changed files that find no room make it walk the folders again, texts
 * that find none are dropped, the oldest first.
 *
 * Any thread may make a member; one thread, its session's, uses and ends it. Texts cross by value.
 */
#ifndef ESPALIER_SERVER_INDEXES_H
#define ESPALIER_SERVER_INDEXES_H

#include "lsp/index/near.h"
#include "lsp/index/select.h"

#include <uv.h>

struct lsp_index_options {
    bool enabled, on_disk;
    int megabytes, max_files, max_kilobytes;
};

enum lsp_index_state {
    LSP_INDEX_OFF,      /* switched off, or no folder */
    LSP_INDEX_BUILDING, /* the first walk is not done: nothing is answered yet */
    LSP_INDEX_READY
};

struct lsp_index_status {
    enum lsp_index_state state;
    bool walking;  /* a walk is under way, the first or a later one */
    uint64_t seen; /* files of this walk so far */
    uint64_t files, symbols, bytes;
    uint64_t passed_over; /* files that were there and are not in it */
    double seconds;       /* that the last walk took */
    unsigned walks;       /* that were begun */
    unsigned windows;     /* that share it, this one included */
};

struct lsp_indexes;
struct lsp_index_member;

struct lsp_indexes *lsp_indexes_new(void); /* NULL: out of memory */

/* Waits for threads that are saving. All members have left. Takes NULL. */
void lsp_indexes_free(struct lsp_indexes *indexes);

/* Folders: paths, at least one. `wake` is sent when there is news, until the member has left. NULL:
 * out of memory, threads or views. */
struct lsp_index_member *lsp_index_join(struct lsp_indexes *indexes,
                                        const struct lsp_index_options *options,
                                        const char *const *folders, size_t n, uv_async_t *wake);
void lsp_index_leave(struct lsp_index_member *member); /* takes NULL */

/* Is this what the member has joined? */
bool lsp_index_is(const struct lsp_index_member *member, const struct lsp_index_options *options,
                  const char *const *folders, size_t n);

/* The rest is as in indexer.h. */
void lsp_index_walk(struct lsp_index_member *member, unsigned seconds);
void lsp_index_changed(struct lsp_index_member *member, const char *path);
void lsp_index_text(struct lsp_index_member *member, const char *path,
                    const struct gram_language *lang, const char *text, size_t len);
void lsp_index_closed(struct lsp_index_member *member, const char *path);
void lsp_index_hold(struct lsp_index_member *member);
bool lsp_index_select(struct lsp_index_member *member, struct idx_query *query,
                      struct idx_selection *out);
void lsp_index_near(struct lsp_index_member *member, const char *path,
                    const struct gram_language *lang);
bool lsp_index_take_near(struct lsp_index_member *member, char **path, struct idx_texts *texts);
void lsp_index_status(struct lsp_index_member *member, struct lsp_index_status *out);

#endif
