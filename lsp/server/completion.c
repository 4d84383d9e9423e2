/* completion.c: from a completion request to its one answer.
 *
 * A request is opened, its document parsed (in slices, should it be large), and a snapshot of it
 * posted to the inference thread, which repairs the hole and builds the prompt. At most
 * one completion is open: whatever makes it pointless (a newer one, a change, a close, a
 * cancel) answers it at once, and its outcome, when it arrives, finds its ticket gone.
 *
 * Ranges. The text of the document that the answer's range holds before the cursor is the
 * start of the inserted text, always: an empty range at the cursor for inline completions,
 * the typed word for completion items, and for a selected completion the range that the
 * client has selected, with its text in front of ours.
 *
 * Whoever types along a suggestion gets the rest of it, without the model (shown.h); only asking
 * for suggestions computes new ones.
 *
 * No model, no trust in the buffer, completions switched off: an empty list, never an
 * error, as editors show errors to people who only typed. While a model is being loaded the
 * request waits for it: clients do not ask again until the next keystroke.
 */
#include "lsp/server/json.h"
#include "lsp/server/session.h"
#include "syntax/bytes.h"

#include <stdlib.h>
#include <string.h>

#define PARSE_BUDGET_US 10000u
#define MAX_LEAD        16384u /* bytes of a selected completion or of a typed word */
#define MAX_LABEL       80u
/* Longer lines are machine-made; tokenising one at every key would stall the loop. */
#define MAX_LINE (64u * 1024u)

/* ---- Answering --------------------------------------------------------------------- */

static void answer_list(struct lsp_server *server, uint64_t ticket, bool inline_list, cJSON *list)
{
    lsp_answer(server, ticket, inline_list ? list : lsp_write_completion_list(list));
}

/* Forgets the open completion; the ticket is the caller's to answer. */
static uint64_t take_completion(struct lsp_server *server)
{
    struct lsp_completion *open = &server->completion;
    uint64_t ticket = open->ticket;
    free(open->uri);
    free(open->lead);
    memset(open, 0, sizeof *open);
    return ticket;
}

void lsp_end_completion(struct lsp_server *server, const char *uri, enum lsp_end_reason reason)
{
    struct lsp_completion *open = &server->completion;
    if (!open->ticket || (uri && strcmp(uri, open->uri) != 0)) return;
    bool inline_list = open->inline_list;
    lsp_worker_cancel(server->worker, open->ticket);
    uint64_t ticket = take_completion(server);
    switch (reason) {
    case LSP_END_STALE:
        server->counters.stale++;
        answer_list(server, ticket, inline_list, lsp_write_list());
        break;
    case LSP_END_SUPERSEDED:
        server->counters.superseded++;
        lsp_answer_error(server, ticket, LSP_REQUEST_CANCELLED, "a newer request took its place");
        break;
    case LSP_END_CANCELLED:
        server->counters.cancelled++;
        lsp_answer_error(server, ticket, LSP_REQUEST_CANCELLED, "cancelled");
        break;
    }
}

void lsp_on_cancel(struct lsp_server *server, struct lsp_message *message)
{
    const char *id;
    struct lsp_error err;
    if (!lsp_read_cancel(message, &id, &err)) {
        lsp_log(server, LSP_LOG_WARN, "$/cancelRequest: %s", err.text);
        return;
    }
    uint64_t ticket = lsp_requests_find(&server->requests, id);
    if (ticket && ticket == server->completion.ticket)
        lsp_end_completion(server, NULL, LSP_END_CANCELLED);
    else if (ticket)
        lsp_pulls_cancel(server, ticket);
}

/* ---- Where to insert, and what to replace ------------------------------------------ */

static void to_position(const struct lsp_server *server, const struct lsp_document *document,
                        size_t offset, struct lsp_position *out)
{
    size_t line, column;
    syn_position_of(document->syn, offset, server->encoding, &line, &column);
    *out = (struct lsp_position){(uint32_t)line, (uint32_t)column};
}

static size_t to_offset(const struct lsp_server *server, const struct lsp_document *document,
                        struct lsp_position position)
{
    return syn_offset_of(document->syn, position.line, position.character, server->encoding);
}

static size_t word_start(const char *text, size_t cursor)
{
    size_t start = cursor;
    while (start > 0 && cursor - start < MAX_LEAD && syn_is_word(text[start - 1]))
        start--;
    while (start < cursor && ((unsigned char)text[start] & 0xc0) == 0x80)
        start++; /* the limit may have cut a character */
    return start;
}

static bool is_long_line(const struct lsp_document *document, size_t offset)
{
    size_t line, column;
    syn_position_of(document->syn, offset, SYN_UTF8, &line, &column);
    return syn_line_end(document->syn, line) - syn_line_start(document->syn, line) > MAX_LINE;
}

/* The selected completion: its range has to be one line around the cursor, and what is
 * typed of it the start of its text; else nothing that we say could be shown. */
static bool place_selected(struct lsp_server *server, const struct lsp_document *document,
                           const struct lsp_completion_params *params, struct lsp_completion *out)
{
    size_t len, cursor = out->cursor;
    const char *text = syn_document_text(document->syn, &len);
    const struct lsp_range *range = &params->selected_range;
    size_t start = to_offset(server, document, range->start);
    size_t end = to_offset(server, document, range->end);
    size_t lead = strlen(params->selected_text);
    if (range->start.line != range->end.line || range->start.line != params->position.line ||
        start > cursor || end < cursor || lead > MAX_LEAD || lead < cursor - start ||
        memcmp(text + start, params->selected_text, cursor - start) != 0)
        return false;
    out->selected = true;
    out->selected_start = start;
    out->selected_end = end;
    to_position(server, document, start, &out->replace.start);
    to_position(server, document, end, &out->replace.end);
    out->lead = strdup(params->selected_text);
    return out->lead != NULL;
}

/* Says once a document why there is no suggestion. */
static void tell_line(struct lsp_server *server, struct lsp_document *document)
{
    server->counters.long_lines++;
    if (document->told_line) return;
    document->told_line = true;
    lsp_log(server, LSP_LOG_INFO, "%s: nothing is suggested on lines of more than %u KiB",
            document->uri, MAX_LINE >> 10);
}

static bool place(struct lsp_server *server, struct lsp_document *document,
                  const struct lsp_completion_params *params, struct lsp_completion *out)
{
    size_t len;
    const char *text = syn_document_text(document->syn, &len);
    out->cursor = to_offset(server, document, params->position);
    if (is_long_line(document, out->cursor)) {
        tell_line(server, document);
        return false;
    }
    if (params->has_selected && out->inline_list)
        return place_selected(server, document, params, out);
    size_t start = out->inline_list ? out->cursor : word_start(text, out->cursor);
    to_position(server, document, start, &out->replace.start);
    to_position(server, document, out->cursor, &out->replace.end);
    out->lead = strndup(text + start, out->cursor - start);
    return out->lead != NULL;
}

/* ---- Preparing --------------------------------------------------------------------- */

static enum asst_scope scope_of(const struct lsp_config *config)
{
    static const enum asst_scope scopes[] = {[LSP_MULTILINE_AUTO] = ASST_SCOPE_AUTO,
                                             [LSP_MULTILINE_NEVER] = ASST_SCOPE_LINE,
                                             [LSP_MULTILINE_ALWAYS] = ASST_SCOPE_BLOCK};
    return scopes[config->completion_multiline];
}

/* Takes a snapshot of the text for the inference thread. asked: by hand, wherever it is. */
static enum eng_status prepare(struct lsp_server *server, struct lsp_document *document,
                               const struct syn_document *syn, size_t cursor, uint32_t n,
                               bool asked, void **work, struct eng_error *err)
{
    const struct asst_request request = {
        .doc = syn,
        .cursor = cursor,
        .scope = scope_of(&server->config),
        .max_tokens = (uint32_t)server->config.completion_max_tokens,
        .n = n,
        .min_confidence = (float)lsp_feedback_threshold(server),
        .not_in_comments = !asked && !server->config.completion_comments,
        .not_in_strings = !asked && !server->config.completion_strings,
        .extra = lsp_context_for(server, document->uri, syn, cursor),
        .extra_max = (uint32_t)server->config.context_tokens,
        .shelf = server->shelf,
    };
    return server->completer->prepare(server->completer->state, &request, &document->tokens, work,
                                      err);
}

/* The same of the text as it would be with the selected completion put in. */
static enum eng_status prepare_selected(struct lsp_server *server, struct lsp_document *document,
                                        const struct lsp_completion *open, void **work,
                                        struct eng_error *err)
{
    size_t start = open->selected_start, lead = strlen(open->lead);
    struct syn_document *with;
    struct syn_error why = {""};
    enum syn_status syn = syn_document_copy(document->syn, &with, &why);
    if (syn != SYN_OK) return asst_from_syntax(syn, &why, err);
    syn = syn_document_edit(with, start, open->selected_end, open->lead, lead, &why);
    enum eng_status status = syn == SYN_OK ? prepare(server, document, with, start + lead,
                                                     open->items, open->asked, work, err)
                                           : asst_from_syntax(syn, &why, err);
    syn_document_free(with);
    return status;
}

void lsp_continue_completion(struct lsp_server *server)
{
    struct lsp_completion *open = &server->completion;
    if (!open->ticket || open->posted || server->model_state == LSP_MODEL_LOADING) return;
    struct lsp_document *document = lsp_documents_find(server->documents, open->uri);
    struct eng_error err = {""};
    struct lsp_job job = {.kind = LSP_JOB_COMPLETE, .ticket = open->ticket};
    if (syn_document_parse(document->syn, PARSE_BUDGET_US, NULL) == SYN_TIMEOUT) {
        lsp_schedule_work(server);
        return;
    }
    enum eng_status status = open->selected
                                 ? prepare_selected(server, document, open, &job.work, &err)
                                 : prepare(server, document, document->syn, open->cursor,
                                           open->items, open->asked, &job.work, &err);
    if (status == ENG_OK) {
        open->posted = true;
        lsp_worker_post(server->worker, &job);
        return;
    }
    lsp_log(server, LSP_LOG_ERROR, "completion in %s: %s", open->uri, err.text);
    server->counters.failed++;
    bool inline_list = open->inline_list;
    answer_list(server, take_completion(server), inline_list, lsp_write_list());
}

static void forget_prefill(struct lsp_server *server)
{
    free(server->prefill_uri);
    server->prefill_uri = NULL;
}

void lsp_prefill(struct lsp_server *server)
{
    struct lsp_document *document =
        server->prefill_uri ? lsp_documents_find(server->documents, server->prefill_uri) : NULL;
    if (document && !syn_document_is_parsed(document->syn))
        return; /* it has changed again: the loop comes back here once it is parsed */
    forget_prefill(server);
    if (!document || !document->trusted || server->model_state != LSP_MODEL_READY ||
        server->completion.ticket || !server->config.completion_enabled ||
        is_long_line(document, document->cursor))
        return;
    struct lsp_shown_text rest[ASST_MAX_ITEMS];
    if (lsp_shown_rest(&document->shown, document->cursor, rest) > 0)
        return; /* the next request is answered already */
    struct eng_error err = {""};
    struct lsp_job job = {.kind = LSP_JOB_PREFILL,
                          .ticket = lsp_requests_ticket(&server->requests)};
    if (prepare(server, document, document->syn, document->cursor, 1, false, &job.work, &err) !=
        ENG_OK) {
        lsp_log(server, LSP_LOG_WARN, "prefill: %s", err.text);
        return;
    }
    server->counters.prefills++;
    lsp_worker_post(server->worker, &job);
}

void lsp_on_prefilled(struct lsp_server *server, const struct lsp_outcome *outcome)
{
    if (outcome->status == ENG_OK)
        server->counters.prefills_done++;
    else if (outcome->status != ENG_CANCELLED)
        lsp_log(server, LSP_LOG_WARN, "prefill: %s", outcome->error.text);
}

/* ---- Items ------------------------------------------------------------------------- */

/* A short line for a list of completions: the first line of the text that has content. */
static void make_label(const char *lead, const char *text, char *out, size_t capacity)
{
    if (!*lead) text += strspn(text, " \t\r\n");
    size_t len = strcspn(text, "\r\n");
    int n = snprintf(out, capacity, "%s%.*s", lead, (int)(len < capacity ? len : capacity), text);
    size_t end = n < 0 ? 0 : (size_t)n < capacity ? (size_t)n : capacity - 1;
    while (end > 0 && !lsp_utf8_is_valid(out, end))
        end--; /* the capacity may have cut a character */
    out[end] = 0;
}

/* replaces: closing brackets right of the cursor, each one unit in every encoding. */
static cJSON *write_item(const struct lsp_completion *open, const char *suggested, size_t len,
                         uint32_t replaces, unsigned rank)
{
    struct lsp_range range = open->replace;
    range.end.character += replaces;
    size_t lead = strlen(open->lead);
    char *text = malloc(lead + len + 1);
    if (!text) return NULL;
    memcpy(text, open->lead, lead);
    memcpy(text + lead, suggested, len);
    text[lead + len] = 0;
    char label[MAX_LABEL + 1];
    make_label(open->lead, suggested, label, sizeof label);
    cJSON *json = open->inline_list
                      ? lsp_write_inline_item(text, &range)
                      : lsp_write_completion_item(label, text, *open->lead ? open->lead : label,
                                                  rank, &range);
    free(text);
    return json;
}

/* ---- Requests ---------------------------------------------------------------------- */

/* True when the person asked for suggestions, instead of merely typing. Final LSP 3.18 has
 * 1 for asked and 2 for typed, vscode-languageclient 9 has 0 and 1: a client that has ever
 * sent 0 counts from there. */
static bool is_invoked(struct lsp_server *server, const struct lsp_completion_params *params)
{
    if (params->trigger_kind == 0) server->client_numbers_triggers_from_0 = true;
    return params->trigger_kind == (server->client_numbers_triggers_from_0 ? 0 : 1);
}

/* Answers the open completion with the rest of what is shown; false when nothing is. */
static bool answer_rest(struct lsp_server *server, const struct lsp_document *document,
                        uint64_t ticket)
{
    struct lsp_completion *open = &server->completion;
    struct lsp_shown_text rest[ASST_MAX_ITEMS];
    size_t count = open->selected ? 0 : lsp_shown_rest(&document->shown, open->cursor, rest);
    if (count == 0) return false;
    cJSON *list = lsp_write_list();
    for (size_t i = 0; i < count; i++)
        list = lsp_list_add(
            list, write_item(open, rest[i].text, rest[i].len, rest[i].replaces, (unsigned)i));
    bool inline_list = open->inline_list;
    take_completion(server);
    server->counters.kept++;
    answer_list(server, ticket, inline_list, list);
    return true;
}

static void start_completion(struct lsp_server *server, struct lsp_message *message,
                             uint64_t ticket, bool inline_list)
{
    struct lsp_completion_params params;
    struct lsp_error err;
    server->counters.completions++;
    if (!lsp_read_completion(message, &params, &err)) {
        lsp_answer_error(server, ticket, LSP_INVALID_PARAMS, err.text);
        return;
    }
    lsp_end_completion(server, NULL, LSP_END_SUPERSEDED);
    struct lsp_document *document = lsp_documents_find(server->documents, params.uri);
    bool model = server->model_state == LSP_MODEL_READY || server->model_state == LSP_MODEL_LOADING;
    bool possible = document && document->trusted && server->config.completion_enabled && model;
    struct lsp_completion *open = &server->completion;
    *open = (struct lsp_completion){.inline_list = inline_list, .started = uv_hrtime()};
    bool invoked = is_invoked(server, &params);
    open->items = 1;
    open->asked = invoked && inline_list;
    if (invoked || !inline_list) open->items = (uint32_t)server->config.completion_items;
    if (possible) open->uri = strdup(params.uri);
    if (!open->uri || !place(server, document, &params, open)) {
        take_completion(server);
        server->counters.empty++;
        answer_list(server, ticket, inline_list, lsp_write_list());
        return;
    }
    lsp_document_active(server, document);
    /* Lists of completions are asked for by typing as by hand. */
    if (document->shown.typed > 0 && (!inline_list || !invoked) &&
        answer_rest(server, document, ticket))
        return;
    open->ticket = ticket;
    open->revision = document->revision;
    forget_prefill(server); /* the request does its work */
    lsp_continue_completion(server);
}

void lsp_on_inline_completion(struct lsp_server *server, struct lsp_message *message,
                              uint64_t ticket)
{
    start_completion(server, message, ticket, true);
}

void lsp_on_completion(struct lsp_server *server, struct lsp_message *message, uint64_t ticket)
{
    start_completion(server, message, ticket, false);
}

/* ---- Outcomes ---------------------------------------------------------------------- */

static bool is_presentable(const struct lsp_server *server, const struct asst_item *item)
{
    return item->len > 0 && item->confidence >= server->config.completion_min_confidence &&
           !memchr(item->text, 0, item->len) && lsp_utf8_is_valid(item->text, item->len);
}

static cJSON *write_items(struct lsp_server *server, const struct asst_result *result,
                          struct lsp_document *document)
{
    const struct lsp_completion *open = &server->completion;
    struct lsp_shown *shown = &document->shown;
    cJSON *list = lsp_write_list();
    unsigned rank = 0;
    lsp_shown_forget(shown);
    for (size_t i = 0; i < result->count; i++) {
        const struct asst_item *item = &result->items[i];
        if (!is_presentable(server, item)) continue;
        list = lsp_list_add(list, write_item(open, item->text, item->len, item->replaces, rank++));
        if (open->selected) continue;
        if (shown->count == 0)
            lsp_feedback_follow(server, document, item->confidence, server->last_total_ms,
                                open->asked);
        lsp_shown_add(shown, open->cursor, item->text, item->len, item->replaces);
    }
    server->counters.shown_items += rank;
    server->counters.empty += rank == 0;
    return list;
}

void lsp_on_completed(struct lsp_server *server, struct lsp_outcome *outcome)
{
    struct lsp_completion *open = &server->completion;
    if (outcome->ticket != open->ticket)
        return; /* answered already: superseded, cancelled or stale */
    struct lsp_document *document = lsp_documents_find(server->documents, open->uri);
    if (!document || document->revision != open->revision) {
        lsp_end_completion(server, NULL, LSP_END_STALE);
        return;
    }
    cJSON *list;
    if (outcome->status == ENG_OK) {
        server->last_timings = outcome->result.timings;
        server->last_total_ms = (double)(uv_hrtime() - open->started) / 1e6;
        list = write_items(server, &outcome->result, document);
    } else {
        lsp_log(server, LSP_LOG_ERROR, "completion in %s: %s", open->uri, outcome->error.text);
        server->counters.failed++;
        list = lsp_write_list();
    }
    bool inline_list = open->inline_list;
    answer_list(server, take_completion(server), inline_list, list);
}
