/* reviews.c: when a document is reviewed, and what the client is told of it.
 *
 * A document is reviewed when it was opened, and when nothing has changed in it for a moment. What
 * is found is pushed with its version; a document in which nothing is and was found brings no
 * message. The findings stay with the document for code actions, as long as it is the text that
 * they are of.
 *
 * The model is asked about functions that have changed since their document was opened: those of
 * code that works bring more false alarms than finds.
 */
#include "lsp/assist/review/place.h"
#include "lsp/server/diagnostics.h"
#include "lsp/server/session.h"

#include <stdlib.h>
#include <string.h>

#define REVIEW_LULL_MS  400u /* without a change */
#define EXPLANATION_MAX 2048u

static enum rev_severity least_of(const struct lsp_server *server)
{
    return (enum rev_severity)server->config.review_min_severity; /* the same order */
}

static void on_lull(uv_timer_t *timer);

static void start_timer(struct lsp_server *server)
{
    if (server->phase != LSP_PHASE_ENDED)
        uv_timer_start(&server->review_lull, on_lull, REVIEW_LULL_MS, 0);
}

void lsp_review_soon(struct lsp_server *server, struct lsp_document *document)
{
    document->review_due = true;
    if (server->config.review_enabled) start_timer(server);
}

/* It is not reviewed as it is now; who asks again makes another attempt. */
static void fail(struct lsp_server *server, struct lsp_document *document, const char *why)
{
    document->review_posted = 0;
    lsp_pulls_fail(server, document->uri, LSP_REQUEST_FAILED, why);
}

static bool is_reviewable(const struct lsp_document *document)
{
    return document->trusted && !lsp_document_is_plain(document) &&
           syn_document_language(document->syn);
}

bool lsp_review_is_coming(struct lsp_server *server, struct lsp_document *document)
{
    if (!server->config.review_enabled || !is_reviewable(document) ||
        document->reviewed == document->revision)
        return false;
    if (!document->review_due && document->review_posted != document->revision)
        lsp_review_soon(server, document);
    return true;
}

/* False when it has to wait: for its tree, or for others to be reviewed. */
static bool post(struct lsp_server *server, struct lsp_document *document)
{
    struct syn_document *copy;
    if (!is_reviewable(document)) {
        document->review_due = false;
        lsp_pulls_news(server, document);
        return true;
    }
    if (!syn_document_is_parsed(document->syn) || lsp_reviewer_is_full(server->reviewer))
        return false;
    bool accept = server->has_adviser && !document->accepted;
    document->review_due = false;
    document->accepted |= accept;
    document->review_posted = document->revision;
    if (syn_document_copy(document->syn, &copy, NULL) == SYN_OK &&
        lsp_reviewer_post(server->reviewer, document->uri, document->revision, copy, accept))
        return true;
    lsp_log(server, LSP_LOG_WARN, "%s is not reviewed: out of memory", document->uri);
    fail(server, document, "out of memory");
    return true;
}

static void on_lull(uv_timer_t *timer)
{
    struct lsp_server *server = timer->data;
    bool waits = false;
    if (!server->turn_what[0]) snprintf(server->turn_what, sizeof server->turn_what, "review");
    if (!server->config.review_enabled || server->phase != LSP_PHASE_RUNNING) return;
    for (size_t i = 0; i < lsp_documents_count(server->documents); i++) {
        struct lsp_document *document = lsp_documents_at(server->documents, i);
        if (document->review_due && !post(server, document)) waits = true;
    }
    if (waits) start_timer(server);
}

cJSON *lsp_list_findings(const struct lsp_server *server, const struct lsp_document *document)
{
    const struct lsp_diagnostic_form form = {
        .encoding = server->encoding,
        .least = least_of(server),
        .uri = server->client_related_information ? document->uri : NULL,
        .rules = server->rules_uri};
    return lsp_write_findings(document->syn, &document->findings, &form);
}

static void publish(struct lsp_server *server, struct lsp_document *document)
{
    if (server->client_pulls_diagnostics) {
        lsp_pulls_news(server, document);
        return;
    }
    cJSON *list = lsp_list_findings(server, document);
    bool any = cJSON_GetArraySize(list) > 0;
    if (any || document->has_diagnostics) {
        lsp_notify(server, "textDocument/publishDiagnostics",
                   lsp_write_diagnostics(document->uri, document->version, list));
        server->counters.published++;
    } else {
        cJSON_Delete(list);
    }
    document->has_diagnostics = any;
}

/* Does a second review of the same text say the same? */
static bool says_the_same(const struct rev_findings *a, const struct rev_findings *b)
{
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->list[i].fingerprint != b->list[i].fingerprint ||
            a->list[i].severity != b->list[i].severity)
            return false;
    return true;
}

static void soften(const struct lsp_server *server, const struct lsp_document *document,
                   struct rev_findings *findings)
{
    char path[LSP_CONFIG_PATH_MAX];
    size_t len;
    const char *text = syn_document_text(document->syn, &len);
    lsp_path_within(server, document->uri, path, sizeof path);
    rev_soften(findings, path, text, len);
}

void lsp_on_reviewed(void *user, struct lsp_reviewed *reviewed)
{
    struct lsp_server *server = user;
    snprintf(server->turn_what, sizeof server->turn_what, "reviewed");
    struct lsp_document *document = lsp_documents_find(server->documents, reviewed->uri);
    if (!document || document->revision != reviewed->revision || !server->config.review_enabled)
        return; /* the next one is under way */
    if (reviewed->status != SYN_OK) {
        if (reviewed->status != SYN_CANCELLED) {
            lsp_log(server, LSP_LOG_ERROR, "%s is not reviewed: %s", reviewed->uri,
                    reviewed->error.text);
            fail(server, document, reviewed->error.text);
        }
        return;
    }
    soften(server, document, &reviewed->findings);
    bool again = document->reviewed == reviewed->revision;
    bool same = again && says_the_same(&document->findings, &reviewed->findings);
    server->counters.reviews++;
    rev_findings_free(&document->findings);
    document->findings = reviewed->findings;
    document->reviewed = reviewed->revision;
    reviewed->findings = (struct rev_findings){0};
    if (!same) publish(server, document);
}

void lsp_choose_adviser(struct lsp_server *server)
{
    const struct lsp_config *config = &server->config;
    bool wanted =
        config->review_enabled && config->review_opinions && server->model_state == LSP_MODEL_READY;
    if (!wanted && !server->has_adviser) return;
    lsp_reviewer_use(server->reviewer, wanted ? &server->model_choice : NULL);
    server->has_adviser = wanted;
    for (size_t i = 0; i < lsp_documents_count(server->documents); i++) {
        lsp_documents_at(server->documents, i)->accepted = false;
        lsp_review_soon(server, lsp_documents_at(server->documents, i));
    }
}

void lsp_configure_reviews(struct lsp_server *server)
{
    bool wanted = server->config.review_enabled && server->config.review_opinions;
    if (wanted != server->has_adviser) lsp_choose_adviser(server);
    for (size_t i = 0; i < lsp_documents_count(server->documents); i++) {
        struct lsp_document *document = lsp_documents_at(server->documents, i);
        if (server->config.review_enabled && document->reviewed == document->revision) {
            publish(server, document); /* perhaps by another severity */
        } else if (server->config.review_enabled) {
            lsp_review_soon(server, document);
        } else {
            rev_findings_free(&document->findings);
            document->reviewed = 0;
            document->review_due = true;
            publish(server, document);
        }
    }
}

void lsp_review_gone(struct lsp_server *server, struct lsp_document *document)
{
    lsp_reviewer_drop(server->reviewer, document->uri);
    rev_findings_free(&document->findings);
    document->reviewed = 0;
    document->told[0] = 0; /* the client forgets by itself */
    publish(server, document);
}

void lsp_on_code_action(struct lsp_server *server, struct lsp_message *message, uint64_t ticket)
{
    struct lsp_action_params params;
    struct lsp_error err;
    if (!lsp_read_action(message, &params, &err)) {
        lsp_answer_error(server, ticket, LSP_INVALID_PARAMS, err.text);
        return;
    }
    const struct lsp_document *document = lsp_documents_find(server->documents, params.uri);
    if (!document) {
        lsp_answer(server, ticket, lsp_write_list());
        return;
    }
    const struct lsp_range *range = &params.range;
    size_t start =
        syn_offset_of(document->syn, range->start.line, range->start.character, server->encoding);
    size_t end =
        syn_offset_of(document->syn, range->end.line, range->end.character, server->encoding);
    bool fixes = params.wants_quick_fixes && document->reviewed == document->revision &&
                 server->config.review_enabled;
    cJSON *actions = fixes ? lsp_write_actions(document->uri, document->version, document->syn,
                                               &document->findings, least_of(server), start, end,
                                               server->encoding)
                           : lsp_write_list();
    if (actions && params.wants_refactorings)
        lsp_list_refactorings(server, document, &params, start, end, actions);
    lsp_answer(server, ticket, actions);
}

void lsp_on_execute_command(struct lsp_server *server, struct lsp_message *message, uint64_t ticket)
{
    struct lsp_explain_params params;
    struct lsp_error err;
    if (!lsp_read_explain(message, &params, &err)) {
        lsp_answer_error(server, ticket, LSP_INVALID_PARAMS, err.text);
        return;
    }
    const struct lsp_document *document = lsp_documents_find(server->documents, params.uri);
    const struct rev_findings *findings = document ? &document->findings : NULL;
    for (size_t i = 0; findings && i < findings->count; i++) {
        const struct rev_finding *f = &findings->list[i];
        if (!f->rule || strcmp(rev_finding_code(f), params.code) != 0) continue;
        char text[EXPLANATION_MAX];
        snprintf(text, sizeof text, "%s (%s). %s", f->rule->title, params.code, f->rule->help);
        lsp_notify(server, "window/showMessage", lsp_write_message(LSP_SHOW_INFO, text));
        break;
    }
    lsp_answer(server, ticket, cJSON_CreateNull());
}
