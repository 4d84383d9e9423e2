/* indexer.h: the workspace index's thread.
 *
 * One thread of low priority owns the store: it loads it from disk, walks the workspace's folders,
 * reads what changed and saves it. It works file by file and waits between two while somebody
 * types (lsp_indexer_hold). The loop thread tells it what happened and asks it what to show; both
 * take microseconds, as nothing is read or parsed while the store is locked.
 *
 * Texts cross by value. What is asked of it is answered by value: see lsp/index/select.h.
 *
 * Queued work is bounded: changed files that find no room make it walk the folders again, texts
 * that find none are dropped, the oldest first.
 *
 * All functions are called by the loop thread.
 */
#ifndef ESPALIER_SERVER_INDEXER_H
#define ESPALIER_SERVER_INDEXER_H

#include "lsp/index/near.h"
#include "lsp/index/select.h"
#include "lsp/server/error.h"
#include "lsp/server/protocol.h"

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
};

struct lsp_indexer;

/* Called on the loop thread when the status has changed. */
typedef void (*lsp_indexer_news)(void *user);

bool lsp_indexer_start(uv_loop_t *loop, lsp_indexer_news news, void *user, struct lsp_indexer **out,
                       struct lsp_error *err);

/* Folders (paths) and options. The same as before: nothing happens; else the index is made anew. */
void lsp_indexer_configure(struct lsp_indexer *indexer, const struct lsp_index_options *options,
                           const char *const *folders, size_t n);

/* Looks at all folders again, unless the last walk ended less than so many seconds ago or is under
 * way. */
void lsp_indexer_walk(struct lsp_indexer *indexer, unsigned seconds);

/* A file was made, changed or deleted. */
void lsp_indexer_changed(struct lsp_indexer *indexer, const char *path);

/* What an open buffer holds, and that somebody looks at it. */
void lsp_indexer_text(struct lsp_indexer *indexer, const char *path,
                      const struct gram_language *lang, const char *text, size_t len);
void lsp_indexer_closed(struct lsp_indexer *indexer, const char *path);

/* Somebody types: other work may wait a moment. */
void lsp_indexer_hold(struct lsp_indexer *indexer);

/* False, and an empty selection, while there is no index. */
bool lsp_indexer_select(struct lsp_indexer *indexer, const struct idx_query *query,
                        struct idx_selection *out);

/* Asks for the texts of the files near the one at path, in place of what was asked for before. They
 * are read when there is an index, and it is news when they are there. */
void lsp_indexer_near(struct lsp_indexer *indexer, const char *path,
                      const struct gram_language *lang);

/* Hands them over once: the receiver frees texts and *path, whose neighbours they are. False while
 * there are none. */
bool lsp_indexer_take_near(struct lsp_indexer *indexer, char **path, struct idx_texts *texts);

void lsp_indexer_status(struct lsp_indexer *indexer, struct lsp_index_status *out);

/* Ends the thread, which saves what is to be kept, and begins to close the handle. Free it after
 * the loop has run the handle's close. Both take NULL. */
void lsp_indexer_stop(struct lsp_indexer *indexer);
void lsp_indexer_free(struct lsp_indexer *indexer);

#endif
