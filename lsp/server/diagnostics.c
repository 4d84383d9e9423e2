/* Diagnostics and code actions as JSON.
 *
 * An action carries its edit: nothing is resolved later, and edits name the version that they are
 * for, so that a client that has gone on refuses them instead of spoiling its text.
 */
#include "lsp/server/diagnostics.h"
#include "grammars/grammars.h"
#include "lsp/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Ranges ------------------------------------------------------------------------ */

static cJSON *range_of(const struct syn_document *doc, uint32_t start, uint32_t end,
                       enum syn_encoding encoding)
{
    size_t line, column;
    struct lsp_range range;
    syn_position_of(doc, start, encoding, &line, &column);
    range.start = (struct lsp_position){(uint32_t)line, (uint32_t)column};
    syn_position_of(doc, end, encoding, &line, &column);
    range.end = (struct lsp_position){(uint32_t)line, (uint32_t)column};
    return lsp_write_range(&range);
}

/* ---- Diagnostics ------------------------------------------------------------------- */

static cJSON *related_of(const struct syn_document *doc, const struct rev_finding *f,
                         const struct lsp_diagnostic_form *form)
{
    cJSON *list = cJSON_CreateArray(), *one = cJSON_CreateObject();
    cJSON_AddItemToArray(list, one);
    cJSON *location = cJSON_AddObjectToObject(one, "location");
    cJSON_AddStringToObject(location, "uri", form->uri);
    cJSON_AddItemToObject(location, "range",
                          range_of(doc, f->related.start, f->related.end, form->encoding));
    cJSON_AddStringToObject(one, "message", f->rule->related);
    return list;
}

/* Where a rule's text can be read: of ours alone. */
static void add_description(cJSON *diagnostic, const struct rev_finding *f, const char *rules)
{
    char uri[LSP_CONFIG_PATH_MAX];
    if (!*rules || !f->rule || !f->rule->built_in || !gram_review_text(f->rule->code)) return;
    int n = snprintf(uri, sizeof uri, "%s/%s", rules, f->rule->code);
    if (n > 0 && (size_t)n < sizeof uri)
        cJSON_AddStringToObject(cJSON_AddObjectToObject(diagnostic, "codeDescription"), "href",
                                uri);
}

static cJSON *diagnostic_of(const struct syn_document *doc, const struct rev_finding *f,
                            const struct lsp_diagnostic_form *form)
{
    static const int severities[] = {4, 3, 2, 1};
    char print[32];
    cJSON *out = cJSON_CreateObject();
    cJSON_AddItemToObject(out, "range", range_of(doc, f->start, f->end, form->encoding));
    cJSON_AddNumberToObject(out, "severity", severities[f->severity]);
    cJSON_AddStringToObject(out, "code", rev_finding_code(f));
    cJSON_AddStringToObject(out, "source", "espalier");
    cJSON_AddStringToObject(out, "message", f->message);
    if (f->rule && f->rule->tag != REV_TAG_NONE) {
        int tag = f->rule->tag == REV_TAG_UNNECESSARY ? 1 : 2;
        cJSON_AddItemToObject(out, "tags", cJSON_CreateIntArray(&tag, 1));
    }
    add_description(out, f, form->rules);
    if (form->uri && rev_finding_is_related(f))
        cJSON_AddItemToObject(out, "relatedInformation", related_of(doc, f, form));
    snprintf(print, sizeof print, "%016" PRIx64, f->fingerprint);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(out, "data"), "fingerprint", print);
    return out;
}

cJSON *lsp_write_findings(const struct syn_document *doc, const struct rev_findings *findings,
                          const struct lsp_diagnostic_form *form)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < findings->count; i++)
        if (findings->list[i].severity >= form->least)
            cJSON_AddItemToArray(list, diagnostic_of(doc, &findings->list[i], form));
    return list;
}

cJSON *lsp_write_diagnostics(const char *uri, int64_t version, cJSON *list)
{
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "uri", uri);
    cJSON_AddNumberToObject(out, "version", (double)version);
    cJSON_AddItemToObject(out, "diagnostics", list);
    return out;
}

/* ---- Actions ----------------------------------------------------------------------- */

struct action {
    const char *uri;
    int64_t version;
    const struct syn_document *doc;
    enum syn_encoding encoding;
};

/* As much of it as a client needs to know it again. */
static cJSON *bare_diagnostic(const struct action *a, const struct rev_finding *f)
{
    const struct lsp_diagnostic_form form = {.encoding = a->encoding, .rules = ""};
    return diagnostic_of(a->doc, f, &form);
}

cJSON *lsp_write_text_edit(const struct syn_document *doc, struct syn_span span, const char *text,
                           enum syn_encoding encoding)
{
    cJSON *out = cJSON_CreateObject();
    cJSON_AddItemToObject(out, "range", range_of(doc, span.start, span.end, encoding));
    cJSON_AddStringToObject(out, "newText", text);
    return out;
}

static cJSON *text_edit(const struct action *a, uint32_t start, uint32_t end, const char *text)
{
    return lsp_write_text_edit(a->doc, (struct syn_span){start, end}, text, a->encoding);
}

/* An action that makes these edits, which it takes over. */
static cJSON *action_of(const struct action *a, const char *title, const struct rev_finding *f,
                        bool preferred, cJSON *edits)
{
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "title", title);
    cJSON_AddStringToObject(out, "kind", "quickfix");
    cJSON *of = cJSON_AddArrayToObject(out, "diagnostics");
    cJSON_AddItemToArray(of, bare_diagnostic(a, f));
    if (preferred) cJSON_AddBoolToObject(out, "isPreferred", true);
    cJSON *changes =
        cJSON_AddArrayToObject(cJSON_AddObjectToObject(out, "edit"), "documentChanges");
    cJSON *change = cJSON_CreateObject();
    cJSON *document = cJSON_AddObjectToObject(change, "textDocument");
    cJSON_AddStringToObject(document, "uri", a->uri);
    cJSON_AddNumberToObject(document, "version", (double)a->version);
    cJSON_AddItemToObject(change, "edits", edits);
    cJSON_AddItemToArray(changes, change);
    return out;
}

static cJSON *fix_action(const struct action *a, const struct rev_finding *f)
{
    char title[160];
    size_t first = strcspn(f->fix.text, "\r\n");
    if (!*f->fix.text)
        snprintf(title, sizeof title, "Remove it (%s)", rev_finding_code(f));
    else
        snprintf(title, sizeof title, "Change to `%.*s%s` (%s)", (int)(first < 60 ? first : 60),
                 f->fix.text, f->fix.text[first] || first > 60 ? "..." : "", rev_finding_code(f));
    cJSON *edits = cJSON_CreateArray();
    cJSON_AddItemToArray(edits, text_edit(a, f->fix.start, f->fix.end, f->fix.text));
    return action_of(a, title, f, f->fix.safe, edits);
}

/* All fixes of the finding's rule that do not overlap; NULL when there is but one. */
static cJSON *all_action(const struct action *a, const struct rev_findings *findings,
                         const struct rev_finding *f)
{
    char title[160];
    cJSON *edits = cJSON_CreateArray();
    uint32_t from = 0;
    int n = 0;
    for (size_t i = 0; i < findings->count; i++) {
        const struct rev_fix *fix = &findings->list[i].fix;
        if (findings->list[i].rule != f->rule || !fix->text || fix->start < from) continue;
        cJSON_AddItemToArray(edits, text_edit(a, fix->start, fix->end, fix->text));
        from = fix->end;
        n++;
    }
    if (n < 2) {
        cJSON_Delete(edits);
        return NULL;
    }
    snprintf(title, sizeof title, "Fix all %d of %s in this file", n, rev_finding_code(f));
    return action_of(a, title, f, false, edits);
}

/* A comment on a line of its own, above the finding's and as far in. */
static cJSON *excuse_action(const struct action *a, const struct rev_finding *f)
{
    char title[160], text[512];
    size_t line, column, len;
    const char *all = syn_document_text(a->doc, &len);
    syn_position_of(a->doc, f->start, SYN_UTF8, &line, &column);
    size_t start = syn_line_start(a->doc, line), indent = 0;
    while (indent < 128 && (all[start + indent] == ' ' || all[start + indent] == '\t'))
        indent++;
    snprintf(text, sizeof text, "%.*s%s espalier: ignore %s because ...\n", (int)indent,
             all + start, syn_document_language(a->doc)->line_comment, rev_finding_code(f));
    snprintf(title, sizeof title, "Excuse it by a comment (%s)", rev_finding_code(f));
    cJSON *edits = cJSON_CreateArray();
    cJSON_AddItemToArray(edits, text_edit(a, (uint32_t)start, (uint32_t)start, text));
    return action_of(a, title, f, false, edits);
}

static cJSON *explain_action(const struct action *a, const struct rev_finding *f)
{
    char title[160];
    cJSON *out = cJSON_CreateObject();
    snprintf(title, sizeof title, "Explain it (%s)", rev_finding_code(f));
    cJSON_AddStringToObject(out, "title", title);
    cJSON_AddStringToObject(out, "kind", "quickfix");
    cJSON *of = cJSON_AddArrayToObject(out, "diagnostics");
    cJSON_AddItemToArray(of, bare_diagnostic(a, f));
    cJSON *command = cJSON_AddObjectToObject(out, "command");
    cJSON_AddStringToObject(command, "title", title);
    cJSON_AddStringToObject(command, "command", LSP_EXPLAIN);
    cJSON *arguments = cJSON_AddArrayToObject(command, "arguments");
    cJSON_AddItemToArray(arguments, cJSON_CreateString(a->uri));
    cJSON_AddItemToArray(arguments, cJSON_CreateString(rev_finding_code(f)));
    return out;
}

cJSON *lsp_write_actions(const char *uri, int64_t version, const struct syn_document *doc,
                         const struct rev_findings *findings, enum rev_severity least, size_t start,
                         size_t end, enum syn_encoding encoding)
{
    const struct action action = {uri, version, doc, encoding};
    cJSON *out = cJSON_CreateArray();
    for (size_t i = 0; i < findings->count; i++) {
        const struct rev_finding *f = &findings->list[i];
        if (f->severity < least || f->start > end || f->end < start) continue;
        if (f->fix.text) cJSON_AddItemToArray(out, fix_action(&action, f));
        cJSON *all = f->fix.text ? all_action(&action, findings, f) : NULL;
        if (all) cJSON_AddItemToArray(out, all);
        if (f->rule) cJSON_AddItemToArray(out, excuse_action(&action, f));
        if (f->rule && *f->rule->help) cJSON_AddItemToArray(out, explain_action(&action, f));
    }
    return out;
}
