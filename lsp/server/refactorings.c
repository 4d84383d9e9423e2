/* What could be rewritten at the cursor, as code actions.
 *
 * Editors ask for actions at every move, so that only places are looked for then, on the lines in
 * question; what would come of one is made when it is chosen (codeAction/resolve), where the client
 * can do that. What keeps the meaning only as far as can be seen is offered to those who ask by
 * hand, and shown before it is made where the client can do that.
 */
#include "grammars/grammars.h"
#include "lsp/assist/refactor/refactor.h"
#include "lsp/server/diagnostics.h"
#include "lsp/server/session.h"

#include <stdio.h>
#include <string.h>

enum {
    OFFERED_MAX = 16,    /* places that actions are listed for */
    PARSE_US = 50 * 1000 /* for a document that is not parsed yet */
};

#define ANNOTATION "unsafe" /* of edits that a client is to show first */

struct listing {
    struct lsp_server *server;
    const struct lsp_document *document;
    const struct ref_rules *rules;
    cJSON *actions;
    const struct ref_rule *everywhere[OFFERED_MAX]; /* rules offered for the whole file */
    size_t count, n_everywhere;
};

static cJSON *edit_of(struct lsp_server *server, const struct lsp_document *document,
                      const struct ref_changes *changes)
{
    bool annotates = false;
    cJSON *out = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(out, "documentChanges");
    cJSON *change = cJSON_CreateObject(), *edits = cJSON_CreateArray();
    cJSON *of = cJSON_AddObjectToObject(change, "textDocument");
    cJSON_AddStringToObject(of, "uri", document->uri);
    cJSON_AddNumberToObject(of, "version", (double)document->version);
    cJSON_AddItemToObject(change, "edits", edits);
    cJSON_AddItemToArray(list, change);
    for (size_t i = 0; i < changes->count; i++) {
        const struct ref_change *c = &changes->list[i];
        cJSON *edit = lsp_write_text_edit(document->syn, c->span, c->text, server->encoding);
        bool annotated = !c->form->safe && server->client_annotates_changes;
        if (annotated) cJSON_AddStringToObject(edit, "annotationId", ANNOTATION);
        annotates |= annotated;
        cJSON_AddItemToArray(edits, edit);
    }
    if (annotates) {
        cJSON *all = cJSON_AddObjectToObject(out, "changeAnnotations");
        cJSON *one = cJSON_AddObjectToObject(all, ANNOTATION);
        cJSON_AddStringToObject(one, "label", "May change what it does");
        cJSON_AddBoolToObject(one, "needsConfirmation", true);
    }
    return out;
}

/* What a rule makes of its place, or of all; NULL: nothing, any more. */
static cJSON *make_edit(struct lsp_server *server, const struct lsp_document *document,
                        const struct ref_rules *rules, const char *code, const struct syn_span *at)
{
    const struct ref_choice choice = {.codes = &code, .n_codes = 1, .unsafe = true};
    struct ref_result result;
    cJSON *out = NULL;
    if (ref_make(rules, &choice, document->syn, at, &result, NULL) == SYN_OK && result.made)
        out = edit_of(server, document, &result.first);
    ref_result_free(&result);
    return out;
}

/* Adds an action; at NULL: for all places of the rule. */
static void add_action(struct listing *l, const struct ref_rule *rule, bool safe,
                       const struct syn_span *at)
{
    char title[256];
    cJSON *edit = NULL;
    snprintf(title, sizeof title, "%s%s%s", rule->title, at ? "" : ", everywhere in this file",
             safe ? "" : " (may change what it does)");
    if (!l->server->client_resolves_edits) {
        edit = make_edit(l->server, l->document, l->rules, rule->code, at);
        if (!edit) return;
    }
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "title", title);
    cJSON_AddStringToObject(out, "kind", "refactor.rewrite");
    cJSON *data = cJSON_AddObjectToObject(out, "data");
    cJSON_AddStringToObject(data, "uri", l->document->uri);
    cJSON_AddNumberToObject(data, "version", (double)l->document->version);
    cJSON_AddStringToObject(data, "rule", rule->code);
    cJSON_AddNumberToObject(data, "start", at ? at->start : 0);
    cJSON_AddNumberToObject(data, "end", at ? at->end : 0);
    cJSON_AddBoolToObject(data, "all", !at);
    if (edit) cJSON_AddItemToObject(out, "edit", edit);
    cJSON_AddItemToArray(l->actions, out);
}

static bool on_place(const struct ref_form *form, struct syn_span span, void *user)
{
    struct listing *l = user;
    const struct ref_rule *rule = form->rule;
    size_t i = 0;
    add_action(l, rule, form->safe, &span);
    while (i < l->n_everywhere && l->everywhere[i] != rule)
        i++;
    if (i == l->n_everywhere) l->everywhere[l->n_everywhere++] = rule;
    return ++l->count < OFFERED_MAX;
}

static bool counts_places(const struct ref_form *form, struct syn_span span, void *user)
{
    size_t *n = user;
    (void)form;
    (void)span;
    return ++*n < 2;
}

/* Has the rule another place in the file? */
static bool has_several(const struct listing *l, const struct ref_rule *rule)
{
    const char *code = rule->code;
    const struct ref_choice choice = {.codes = &code, .n_codes = 1, .unsafe = true};
    size_t n = 0, len;
    syn_document_text(l->document->syn, &len);
    ref_offer(l->rules, &choice, l->document->syn, 0, len, counts_places, &n, NULL);
    return n > 1;
}

void lsp_list_refactorings(struct lsp_server *server, const struct lsp_document *document,
                           const struct lsp_action_params *params, size_t start, size_t end,
                           cJSON *actions)
{
    const struct gram_language *lang = syn_document_language(document->syn);
    const struct ref_choice choice = {.unsafe = params->asked_for_refactorings};
    struct syn_error err = {"out of memory"};
    struct listing l = {.server = server, .document = document, .actions = actions};
    if (!document->trusted || !lang || lsp_document_is_plain(document) ||
        syn_document_parse(document->syn, PARSE_US, NULL) != SYN_OK)
        return;
    l.rules = lsp_rulebook_refactorings(server->channel.rulebook, lang, &err);
    if (!l.rules) {
        lsp_log(server, LSP_LOG_ERROR, "no refactorings: %s", err.text);
        return;
    }
    ref_offer(l.rules, &choice, document->syn, start, end, on_place, &l, NULL);
    for (size_t i = 0; params->asked_for_refactorings && i < l.n_everywhere; i++)
        if (has_several(&l, l.everywhere[i])) add_action(&l, l.everywhere[i], true, NULL);
}

void lsp_on_resolve_action(struct lsp_server *server, struct lsp_message *message, uint64_t ticket)
{
    struct lsp_resolve_params params;
    struct lsp_error err;
    if (!lsp_read_resolve(message, &params, &err)) {
        lsp_answer_error(server, ticket, LSP_INVALID_PARAMS, err.text);
        return;
    }
    const struct lsp_document *document = lsp_documents_find(server->documents, params.uri);
    const struct gram_language *lang = document ? syn_document_language(document->syn) : NULL;
    if (!lang || document->version != params.version || !document->trusted ||
        lsp_document_is_plain(document) || syn_document_parse(document->syn, 0, NULL) != SYN_OK) {
        lsp_answer_error(server, ticket, LSP_CONTENT_MODIFIED, "the document has changed since");
        return;
    }
    const struct ref_rules *rules = lsp_rulebook_refactorings(server->channel.rulebook, lang, NULL);
    const struct syn_span at = {(uint32_t)params.start, (uint32_t)params.end};
    cJSON *edit =
        rules ? make_edit(server, document, rules, params.rule, params.all ? NULL : &at) : NULL;
    if (!edit) {
        lsp_answer_error(server, ticket, LSP_CONTENT_MODIFIED,
                         "there it cannot be done without losing a comment, or spoiling the text");
        return;
    }
    cJSON *out = cJSON_Duplicate(params.action, true);
    cJSON_DeleteItemFromObject(out, "edit");
    cJSON_AddItemToObject(out, "edit", edit);
    lsp_answer(server, ticket, out);
}
