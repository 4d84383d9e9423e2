/* workspace.c: between the session and the index's thread.
 *
 * Tells it which folders there are, what changed in them and which buffer is looked at; asks it
 * for what of other files belongs in front of a prompt. A buffer's text goes over when it is
 * opened or saved and when somebody turns to another one, never while it is typed in: what the
 * index knows of the file itself, and so what it offers, stays while a person types.
 *
 * The watching client says what changed; with one that does not watch, a save is the occasion to
 * walk the folders again, if the last walk was long enough ago.
 */
#include "lsp/server/session.h"

#include <stdlib.h>
#include <string.h>

#define PROGRESS_TOKEN "espalier/index"
#define MAX_WATCHED    256u
#define PROGRESS_FILES 150u /* a walk of fewer files is over before anybody could read of it */

/* What a query's answer is kept in. */
struct lsp_context {
    struct idx_selection selection;
    struct asst_snippet snippets[IDX_SELECTION_MAX];
    struct asst_extra extra;
};

/* ---- Buffers ------------------------------------------------------------------------ */

static void send_text(struct lsp_server *server, const struct lsp_document *document)
{
    char path[LSP_CONFIG_PATH_MAX];
    size_t len;
    const char *text = syn_document_text(document->syn, &len);
    if (document->trusted && lsp_path_of_uri(document->uri, path, sizeof path))
        lsp_indexer_text(server->indexer, path, syn_document_language(document->syn), text, len);
}

/* ---- Configuration ----------------------------------------------------------------- */

void lsp_configure_index(struct lsp_server *server)
{
    const struct lsp_config *config = &server->config;
    const struct lsp_index_options options = {.enabled = config->index_enabled,
                                              .on_disk = config->cache_on_disk,
                                              .megabytes = config->index_megabytes,
                                              .max_files = config->index_max_files,
                                              .max_kilobytes = config->index_max_kilobytes};
    char paths[LSP_MAX_FOLDERS][LSP_CONFIG_PATH_MAX];
    const char *folders[LSP_MAX_FOLDERS];
    size_t n = 0;
    for (size_t i = 0; i < server->folder_count; i++) {
        if (!lsp_path_of_uri(server->folders[i], paths[n], sizeof paths[n])) continue;
        size_t len = strlen(paths[n]);
        while (len > 1 && paths[n][len - 1] == '/')
            paths[n][--len] = 0;
        folders[n] = paths[n];
        n++;
    }
    if (lsp_indexer_configure(server->indexer, &options, folders, n)) {
        for (size_t i = 0; i < lsp_documents_count(server->documents); i++)
            send_text(server, lsp_documents_at(server->documents, i));
        lsp_look_near(server);
    }
    if (!config->context_near) lsp_clear_shelf(server);
}

/* ---- Files near by ----------------------------------------------------------------- */

static struct lsp_document *active_document(struct lsp_server *server)
{
    return server->active_uri ? lsp_documents_find(server->documents, server->active_uri) : NULL;
}

void lsp_look_near(struct lsp_server *server)
{
    char path[LSP_CONFIG_PATH_MAX];
    const struct lsp_document *document = active_document(server);
    const struct gram_language *lang = document ? syn_document_language(document->syn) : NULL;
    if (lang && server->config.context_near && server->model_state == LSP_MODEL_READY &&
        lsp_path_of_uri(document->uri, path, sizeof path))
        lsp_indexer_near(server->indexer, path, lang);
}

void lsp_clear_shelf(struct lsp_server *server)
{
    asst_shelf_release(server->shelf);
    server->shelf = NULL;
    server->shelve_ticket = 0;
}

/* Has their tokens made, if the document is still the active one. */
static void take_near(struct lsp_server *server)
{
    char *of, path[LSP_CONFIG_PATH_MAX];
    struct idx_texts texts;
    if (!lsp_indexer_take_near(server->indexer, &of, &texts)) return;
    bool wanted = server->active_uri && server->model_state == LSP_MODEL_READY &&
                  lsp_path_of_uri(server->active_uri, path, sizeof path) && strcmp(of, path) == 0;
    struct lsp_job job = {.kind = LSP_JOB_SHELVE,
                          .texts = wanted && texts.n ? malloc(sizeof *job.texts) : NULL};
    free(of);
    if (!job.texts) {
        idx_texts_free(&texts);
        return;
    }
    *job.texts = texts;
    job.ticket = server->shelve_ticket = lsp_requests_ticket(&server->requests);
    lsp_worker_post(server->worker, &job);
}

void lsp_on_shelved(struct lsp_server *server, struct lsp_outcome *outcome)
{
    if (outcome->ticket != server->shelve_ticket || outcome->status != ENG_OK) {
        asst_shelf_release(outcome->shelf);
        return;
    }
    lsp_clear_shelf(server);
    server->shelf = outcome->shelf;
}

/* ---- Progress ---------------------------------------------------------------------- */

void lsp_on_index_news(void *user)
{
    struct lsp_server *server = user;
    struct lsp_index_status status;
    char text[96];
    if (server->phase != LSP_PHASE_RUNNING) return;
    take_near(server);
    lsp_indexer_status(server->indexer, &status);
    if (!status.walking) {
        if (server->index_progress == LSP_PROGRESS_SHOWN) {
            snprintf(text, sizeof text, "%llu files", (unsigned long long)status.files);
            lsp_notify(server, "$/progress", lsp_write_progress(PROGRESS_TOKEN, "end", text));
        }
        server->index_progress = LSP_PROGRESS_NONE;
        if (status.state == LSP_INDEX_READY && status.seconds != server->last_walk_seconds)
            lsp_log(server, LSP_LOG_INFO, "index: %llu files, %llu definitions, %.1f MB, %.1f s",
                    (unsigned long long)status.files, (unsigned long long)status.symbols,
                    (double)status.bytes / 1e6, status.seconds);
        server->last_walk_seconds = status.seconds;
        return;
    }
    if (server->index_progress == LSP_PROGRESS_SHOWN) {
        snprintf(text, sizeof text, "%llu files", (unsigned long long)status.seen);
        lsp_notify(server, "$/progress", lsp_write_progress(PROGRESS_TOKEN, "report", text));
    } else if (server->index_progress == LSP_PROGRESS_NONE && server->client_progress &&
               status.seen >= PROGRESS_FILES) {
        server->index_progress = LSP_PROGRESS_ASKED;
        lsp_ask(server, LSP_ASKED_INDEX_PROGRESS, "window/workDoneProgress/create",
                lsp_write_progress_token(PROGRESS_TOKEN));
    }
}

void lsp_on_index_progress_made(struct lsp_server *server, bool refused)
{
    struct lsp_index_status status;
    lsp_indexer_status(server->indexer, &status);
    server->index_progress = LSP_PROGRESS_NONE;
    if (refused) return;
    lsp_notify(server, "$/progress",
               lsp_write_progress(PROGRESS_TOKEN, "begin", "Indexing the workspace"));
    if (status.walking)
        server->index_progress = LSP_PROGRESS_SHOWN;
    else /* over before it was shown: a token that was made is ended */
        lsp_notify(server, "$/progress", lsp_write_progress(PROGRESS_TOKEN, "end", "ready"));
}

/* ---- What happens ------------------------------------------------------------------ */

void lsp_document_shown(struct lsp_server *server, const struct lsp_document *document)
{
    send_text(server, document);
}

void lsp_document_active(struct lsp_server *server, const struct lsp_document *document)
{
    lsp_indexer_hold(server->indexer);
    if (server->active_uri && strcmp(server->active_uri, document->uri) == 0) return;
    struct lsp_document *before =
        server->active_uri ? lsp_documents_find(server->documents, server->active_uri) : NULL;
    if (before) send_text(server, before);
    free(server->active_uri);
    server->active_uri = strdup(document->uri);
    lsp_clear_shelf(server);
    lsp_look_near(server);
}

void lsp_document_gone(struct lsp_server *server, const char *uri)
{
    char path[LSP_CONFIG_PATH_MAX];
    if (lsp_path_of_uri(uri, path, sizeof path)) lsp_indexer_closed(server->indexer, path);
}

void lsp_on_watched_files(struct lsp_server *server, struct lsp_message *message)
{
    const char *uris[MAX_WATCHED];
    size_t count;
    bool more;
    struct lsp_error err;
    char path[LSP_CONFIG_PATH_MAX];
    if (!lsp_read_watched(message, uris, MAX_WATCHED, &count, &more, &err)) {
        lsp_log(server, LSP_LOG_ERROR, "workspace/didChangeWatchedFiles: %s", err.text);
        return;
    }
    if (more) {
        lsp_indexer_walk(server->indexer, 0);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (lsp_path_of_uri(uris[i], path, sizeof path)) lsp_indexer_changed(server->indexer, path);
}

void lsp_watch_files(struct lsp_server *server)
{
    if (server->client_watches && server->config.index_enabled)
        lsp_ask(server, LSP_ASKED_REGISTRATION, "client/registerCapability",
                lsp_write_watch_registration());
}

void lsp_document_saved(struct lsp_server *server, const struct lsp_document *document)
{
    send_text(server, document);
    lsp_look_near(server);
    if (!server->client_watches) lsp_indexer_walk(server->indexer, 60);
}

/* ---- What to show ------------------------------------------------------------------ */

static unsigned sources_of(const struct lsp_config *config)
{
    return (config->context_used ? (unsigned)IDX_USED : 0) |
           (config->context_recent ? (unsigned)IDX_RECENT : 0) |
           (config->context_pair ? (unsigned)IDX_PAIR : 0) |
           (config->context_siblings ? (unsigned)IDX_SIBLINGS : 0);
}

/* The workspace folder that holds the path; "" when none does. */
static void root_of(const struct lsp_server *server, const char *path, char *root, size_t max)
{
    for (size_t i = 0; i < server->folder_count; i++) {
        if (!lsp_path_of_uri(server->folders[i], root, max)) continue;
        size_t len = strlen(root);
        while (len > 1 && root[len - 1] == '/')
            root[--len] = 0;
        if (idx_is_below(path, root)) return;
    }
    root[0] = 0;
}

void lsp_path_within(const struct lsp_server *server, const char *uri, char *out, size_t max)
{
    char path[LSP_CONFIG_PATH_MAX], root[LSP_CONFIG_PATH_MAX];
    const char *within = "";
    if (lsp_path_of_uri(uri, path, sizeof path)) {
        root_of(server, path, root, sizeof root);
        size_t len = strlen(root);
        within = len > 0 ? path + len : strrchr(path, '/');
        within = within && *within == '/' ? within + 1 : path;
    }
    snprintf(out, max, "%s", within);
}

const struct asst_extra *lsp_context_for(struct lsp_server *server, const char *uri,
                                         const struct syn_document *syn, size_t cursor)
{
    char path[LSP_CONFIG_PATH_MAX], root[LSP_CONFIG_PATH_MAX];
    struct idx_query query = {.path = path,
                              .root = root,
                              .lang = syn_document_language(syn),
                              .sources = sources_of(&server->config)};
    if (!query.sources || !query.lang || server->config.context_tokens == 0 ||
        !lsp_path_of_uri(uri, path, sizeof path))
        return NULL;
    if (!server->context) server->context = malloc(sizeof *server->context);
    struct lsp_context *context = server->context;
    if (!context) return NULL;
    root_of(server, path, root, sizeof root);
    size_t len, line, column;
    query.text = syn_document_text(syn, &len);
    syn_position_of(syn, cursor, SYN_UTF8, &line, &column);
    idx_query_ranges(syn, line, line, &query);
    if (!lsp_indexer_select(server->indexer, &query, &context->selection)) return NULL;
    for (size_t i = 0; i < context->selection.count; i++) {
        const struct idx_snippet *s = &context->selection.snippets[i];
        context->snippets[i] =
            (struct asst_snippet){context->selection.text + s->text, s->len, s->place};
    }
    context->extra = (struct asst_extra){context->snippets, context->selection.count};
    return &context->extra;
}
