/* indexer.h: a session's way to the workspace index.
 *
 * The index may be shared with other windows (see indexes.h); this is what one session has of it:
 * which folders it wants, and a handle on its loop that wakes it when there is news. Tells the
 * index what happened and asks it what to show; both take microseconds.
 *
 * Texts cross by value. What is asked of it is answered by value: see lsp/index/select.h.
 *
 * All functions are called by the loop thread.
 */
#ifndef ESPALIER_SERVER_INDEXER_H
#define ESPALIER_SERVER_INDEXER_H

#include "lsp/server/error.h"
#include "lsp/server/indexes.h"

struct lsp_indexer;

/* Called on the loop thread when the status has changed. */
typedef void (*lsp_indexer_news)(void *user);

/* indexes: those of the process, which outlive it; NULL: its own. */
bool lsp_indexer_start(uv_loop_t *loop, struct lsp_indexes *indexes, lsp_indexer_news news,
                       void *user, struct lsp_indexer **out, struct lsp_error *err);

/* Folders (paths) and options. The same as before: false, nothing happens; else another index is
 * joined, which knows nothing of this session's buffers yet. */
bool lsp_indexer_configure(struct lsp_indexer *indexer, const struct lsp_index_options *options,
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

/* False, and an empty selection, while there is no index. The query's view is set here. */
bool lsp_indexer_select(struct lsp_indexer *indexer, struct idx_query *query,
                        struct idx_selection *out);

/* Asks for the texts of the files near the one at path, in place of what was asked for before. They
 * are read when there is an index, and it is news when they are there. */
void lsp_indexer_near(struct lsp_indexer *indexer, const char *path,
                      const struct gram_language *lang);

/* Hands them over once: the receiver frees texts and *path, whose neighbours they are. False while
 * there are none. */
bool lsp_indexer_take_near(struct lsp_indexer *indexer, char **path, struct idx_texts *texts);

void lsp_indexer_status(struct lsp_indexer *indexer, struct lsp_index_status *out);

/* Leaves the index and begins to close the handle. Free it after the loop has run the handle's
 * close; an index of its own has been saved then. Both take NULL. */
void lsp_indexer_stop(struct lsp_indexer *indexer);
void lsp_indexer_free(struct lsp_indexer *indexer);

#endif
