/* textsync.c: what the client does to its buffers.
 *
 * Applies changes, ends what was computed for a text that is no more, and leaves parsing
 * and prefilling to the loop's idle work: several changes that arrive together are parsed
 * once. A change that cannot be applied is logged and costs its document the trust until a
 * whole text comes (see documents.h); it never ends the session.
 */
#include "lsp/server/session.h"

#include <stdlib.h>
#include <string.h>

/* Says once why suggestions know less of this document. */
static void tell_size(struct lsp_server *server, struct lsp_document *document)
{
    if (document->told_size || !lsp_document_is_plain(document)) return;
    size_t len;
    syn_document_text(document->syn, &len);
    document->told_size = true;
    lsp_log(server, LSP_LOG_INFO, "%s has %zu KiB: above %u KiB a file gets no syntax tree",
            document->uri, len >> 10, LSP_MAX_TREE_TEXT >> 10);
}

void lsp_on_open(struct lsp_server *server, struct lsp_message *message)
{
    struct lsp_open_params params;
    struct lsp_document *document;
    struct lsp_error err;
    if (!lsp_read_open(message, &params, &err)) {
        lsp_log(server, LSP_LOG_ERROR, "textDocument/didOpen: %s", err.text);
        return;
    }
    if (lsp_documents_find(server->documents, params.uri)) {
        lsp_log(server, LSP_LOG_WARN, "%s was open already", params.uri);
        lsp_end_completion(server, params.uri, LSP_END_STALE);
    }
    if (!lsp_documents_open(server->documents, &params, &document, &err))
        lsp_log(server, LSP_LOG_ERROR, "%s cannot be opened: %s", params.uri, err.text);
    else {
        tell_size(server, document);
        lsp_document_shown(server, document);
        lsp_review_soon(server, document);
        lsp_schedule_work(server);
    }
}

void lsp_on_change(struct lsp_server *server, struct lsp_message *message)
{
    struct lsp_change_params params;
    struct lsp_error err;
    if (!lsp_read_change(message, &params, &err)) {
        lsp_log(server, LSP_LOG_ERROR, "textDocument/didChange: %s", err.text);
        /* What was to change is unknown: its document cannot be trusted any more. */
        struct lsp_document *document =
            params.uri ? lsp_documents_find(server->documents, params.uri) : NULL;
        if (document) document->trusted = false;
        return;
    }
    struct lsp_document *document = lsp_documents_find(server->documents, params.uri);
    if (!document) {
        lsp_log(server, LSP_LOG_WARN, "change to %s, which is not open", params.uri);
        return;
    }
    lsp_end_completion(server, params.uri, LSP_END_STALE);
    if (!lsp_documents_change(server->documents, document, &params, server->encoding, &err)) {
        lsp_log(server, LSP_LOG_ERROR, "%s: %s; it is ignored until its whole text is sent",
                params.uri, err.text);
        return;
    }
    tell_size(server, document);
    lsp_document_active(server, document);
    lsp_review_soon(server, document);
    free(server->prefill_uri);
    server->prefill_uri = strdup(params.uri); /* NULL: no prefill this time */
    lsp_schedule_work(server);
}

void lsp_on_close(struct lsp_server *server, struct lsp_message *message)
{
    const char *uri;
    struct lsp_error err;
    if (!lsp_read_uri(message, &uri, &err)) {
        lsp_log(server, LSP_LOG_ERROR, "textDocument/didClose: %s", err.text);
        return;
    }
    lsp_end_completion(server, uri, LSP_END_STALE);
    struct lsp_document *document = lsp_documents_find(server->documents, uri);
    if (document) lsp_review_gone(server, document);
    if (!lsp_documents_close(server->documents, uri))
        lsp_log(server, LSP_LOG_WARN, "%s is closed, but was not open", uri);
    else
        lsp_document_gone(server, uri);
}

void lsp_on_save(struct lsp_server *server, struct lsp_message *message)
{
    const char *uri;
    struct lsp_error err;
    if (!lsp_read_uri(message, &uri, &err)) {
        lsp_log(server, LSP_LOG_ERROR, "textDocument/didSave: %s", err.text);
        return;
    }
    const struct lsp_document *document = lsp_documents_find(server->documents, uri);
    if (document)
        lsp_document_saved(server, document);
    else
        lsp_log(server, LSP_LOG_WARN, "%s is saved, but is not open", uri);
}
