/* A session's membership in an index, which it changes with its folders and options.
 *
 * Without folders, or switched off, it is a member of nothing, and everything below does nothing.
 */
#include "lsp/server/indexer.h"

#include <stdlib.h>
#include <string.h>

struct lsp_indexer {
    lsp_indexer_news news;
    void *user;
    uv_async_t wake_loop;
    struct lsp_indexes *indexes, *own;
    struct lsp_index_member *member; /* NULL: of none */
};

static void on_wake(uv_async_t *handle)
{
    struct lsp_indexer *indexer = handle->data;
    indexer->news(indexer->user);
}

bool lsp_indexer_start(uv_loop_t *loop, struct lsp_indexes *indexes, lsp_indexer_news news,
                       void *user, struct lsp_indexer **out, struct lsp_error *err)
{
    struct lsp_indexer *indexer = calloc(1, sizeof *indexer);
    struct lsp_indexes *own = indexes ? NULL : lsp_indexes_new();
    int status =
        indexer && (indexes || own) ? uv_async_init(loop, &indexer->wake_loop, on_wake) : UV_ENOMEM;
    if (status) {
        free(indexer);
        lsp_indexes_free(own);
        return lsp_fail(err, "cannot start the index: %s", uv_strerror(status));
    }
    indexer->news = news;
    indexer->user = user;
    indexer->own = own;
    indexer->indexes = indexes ? indexes : own;
    indexer->wake_loop.data = indexer;
    uv_unref((uv_handle_t *)&indexer->wake_loop);
    *out = indexer;
    return true;
}

bool lsp_indexer_configure(struct lsp_indexer *indexer, const struct lsp_index_options *options,
                           const char *const *folders, size_t n)
{
    bool wanted = options->enabled && n > 0;
    if (indexer->member ? wanted && lsp_index_is(indexer->member, options, folders, n) : !wanted)
        return false;
    lsp_index_leave(indexer->member);
    indexer->member =
        wanted ? lsp_index_join(indexer->indexes, options, folders, n, &indexer->wake_loop) : NULL;
    uv_async_send(&indexer->wake_loop);
    return true;
}

void lsp_indexer_walk(struct lsp_indexer *indexer, unsigned seconds)
{
    if (indexer->member) lsp_index_walk(indexer->member, seconds);
}

void lsp_indexer_changed(struct lsp_indexer *indexer, const char *path)
{
    if (indexer->member) lsp_index_changed(indexer->member, path);
}

void lsp_indexer_closed(struct lsp_indexer *indexer, const char *path)
{
    if (indexer->member) lsp_index_closed(indexer->member, path);
}

void lsp_indexer_text(struct lsp_indexer *indexer, const char *path,
                      const struct gram_language *lang, const char *text, size_t len)
{
    if (indexer->member) lsp_index_text(indexer->member, path, lang, text, len);
}

void lsp_indexer_hold(struct lsp_indexer *indexer)
{
    if (indexer->member) lsp_index_hold(indexer->member);
}

bool lsp_indexer_select(struct lsp_indexer *indexer, struct idx_query *query,
                        struct idx_selection *out)
{
    out->count = out->used = 0;
    return indexer->member && lsp_index_select(indexer->member, query, out);
}

void lsp_indexer_near(struct lsp_indexer *indexer, const char *path,
                      const struct gram_language *lang)
{
    if (indexer->member) lsp_index_near(indexer->member, path, lang);
}

bool lsp_indexer_take_near(struct lsp_indexer *indexer, char **path, struct idx_texts *texts)
{
    return indexer->member && lsp_index_take_near(indexer->member, path, texts);
}

void lsp_indexer_status(struct lsp_indexer *indexer, struct lsp_index_status *out)
{
    *out = (struct lsp_index_status){.state = LSP_INDEX_OFF};
    if (indexer->member) lsp_index_status(indexer->member, out);
}

void lsp_indexer_stop(struct lsp_indexer *indexer)
{
    if (!indexer) return;
    lsp_index_leave(indexer->member);
    indexer->member = NULL;
    uv_close((uv_handle_t *)&indexer->wake_loop, NULL);
}

void lsp_indexer_free(struct lsp_indexer *indexer)
{
    if (!indexer) return;
    lsp_indexes_free(indexer->own);
    free(indexer);
}
