/* pulls.c: clients that ask for findings instead of being told.
 *
 * A client that can be asked to ask again (workspace/diagnostic/refresh) is told nothing unasked.
 * Its request is answered at once when its document has been reviewed as it is now, and otherwise
 * waits for that, over changes that come meanwhile: what is answered is right for the text that
 * the client has sent by then. What comes later, as the opinions of a model do, makes one refresh.
 *
 * The id of a result is a hash of the result, so that "unchanged" is true even over a restart.
 */
#include "lsp/server/diagnostics.h"
#include "lsp/server/session.h"
#include "syntax/bytes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct report {
    cJSON *items;
    char id[LSP_RESULT_ID_MAX];
};

/* items are taken over; NULL when memory ran out. */
static struct report report_of(cJSON *items)
{
    struct report report = {.items = items};
    char *text = items ? lsp_print(items) : NULL;
    uint64_t hash = syn_hash(SYN_HASH_START, text, text ? strlen(text) : 0);
    snprintf(report.id, sizeof report.id, "%016" PRIx64, hash);
    free(text);
    return report;
}

static struct report report_on(const struct lsp_server *server, const struct lsp_document *document)
{
    bool known =
        document && server->config.review_enabled && document->reviewed == document->revision;
    return report_of(known ? lsp_list_findings(server, document) : lsp_write_list());
}

static void answer(struct lsp_server *server, uint64_t ticket, const char *previous,
                   const struct report *report)
{
    bool same = strcmp(previous, report->id) == 0;
    cJSON *items = same ? NULL : cJSON_Duplicate(report->items, true);
    if (!same && !items)
        lsp_answer_error(server, ticket, LSP_INTERNAL_ERROR, "out of memory");
    else
        lsp_answer(server, ticket, lsp_write_report(items, report->id));
}

/* Takes number i out of those that wait. */
static struct lsp_pull take(struct lsp_server *server, size_t i)
{
    struct lsp_pull pull = server->pulls[i];
    server->pull_count--;
    memmove(&server->pulls[i], &server->pulls[i + 1],
            (server->pull_count - i) * sizeof *server->pulls);
    return pull;
}

static void wait_for_review(struct lsp_server *server, const char *uri, uint64_t ticket,
                            const char *previous)
{
    struct lsp_pull pull = {.ticket = ticket, .uri = strdup(uri)};
    if (!pull.uri) {
        lsp_answer_error(server, ticket, LSP_INTERNAL_ERROR, "out of memory");
        return;
    }
    snprintf(pull.previous, sizeof pull.previous, "%s", previous);
    if (server->pull_count == LSP_MAX_PULLS) {
        struct lsp_pull oldest = take(server, 0);
        lsp_answer_error(server, oldest.ticket, LSP_SERVER_CANCELLED,
                         "too many requests for diagnostics wait");
        free(oldest.uri);
    }
    server->pulls[server->pull_count++] = pull;
}

void lsp_on_diagnostic(struct lsp_server *server, struct lsp_message *message, uint64_t ticket)
{
    struct lsp_diagnostic_params params;
    struct lsp_error err;
    if (!lsp_read_diagnostic(message, &params, &err)) {
        lsp_answer_error(server, ticket, LSP_INVALID_PARAMS, err.text);
        return;
    }
    struct lsp_document *document = lsp_documents_find(server->documents, params.uri);
    if (document && lsp_review_is_coming(server, document)) {
        wait_for_review(server, params.uri, ticket, params.previous);
        return;
    }
    struct report report = report_on(server, document);
    if (document) snprintf(document->told, sizeof document->told, "%s", report.id);
    answer(server, ticket, params.previous, &report);
    cJSON_Delete(report.items);
}

static void ask_for_more(struct lsp_server *server)
{
    if (server->refresh_asked || server->phase != LSP_PHASE_RUNNING) return;
    server->refresh_asked = true;
    lsp_ask(server, LSP_ASKED_REFRESH, "workspace/diagnostic/refresh", NULL);
}

void lsp_pulls_news(struct lsp_server *server, struct lsp_document *document)
{
    struct report report = report_on(server, document);
    bool asked = false, news = *document->told ? strcmp(document->told, report.id) != 0
                                               : cJSON_GetArraySize(report.items) > 0;
    for (size_t i = 0; i < server->pull_count;) {
        if (strcmp(server->pulls[i].uri, document->uri) != 0) {
            i++;
            continue;
        }
        struct lsp_pull pull = take(server, i);
        answer(server, pull.ticket, pull.previous, &report);
        free(pull.uri);
        asked = true;
    }
    if (asked)
        snprintf(document->told, sizeof document->told, "%s", report.id);
    else if (news)
        ask_for_more(server);
    cJSON_Delete(report.items);
}

void lsp_pulls_fail(struct lsp_server *server, const char *uri, enum lsp_code code,
                    const char *text)
{
    for (size_t i = 0; i < server->pull_count;) {
        if (uri && strcmp(server->pulls[i].uri, uri) != 0) {
            i++;
            continue;
        }
        struct lsp_pull pull = take(server, i);
        lsp_answer_error(server, pull.ticket, code, text);
        free(pull.uri);
    }
}

bool lsp_pulls_cancel(struct lsp_server *server, uint64_t ticket)
{
    for (size_t i = 0; i < server->pull_count; i++) {
        if (server->pulls[i].ticket != ticket) continue;
        struct lsp_pull pull = take(server, i);
        lsp_answer_error(server, ticket, LSP_REQUEST_CANCELLED, "cancelled");
        free(pull.uri);
        return true;
    }
    return false;
}

void lsp_pulls_free(struct lsp_server *server)
{
    while (server->pull_count > 0)
        free(server->pulls[--server->pull_count].uri);
}

void lsp_on_refreshed(struct lsp_server *server)
{
    server->refresh_asked = false;
}
