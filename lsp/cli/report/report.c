/* Findings as text, JSON, SARIF 2.1.0 and rdjsonl.
 *
 * Lines and columns count from 1. Columns are bytes of UTF-8 in text and JSON, as compilers count
 * them and rdjson asks, and characters in SARIF, which says so (columnKind).
 */
#include "lsp/cli/report/report.h"
#include "grammars/grammars.h"
#include "lsp/cli/report/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RULES = 4096 };

struct cli_report {
    enum cli_report_format format;
    bool colour, failed;
    cJSON *results; /* an array of what is printed at the end; NULL for what is printed at once */
    const struct rev_rule *rules[MAX_RULES]; /* that were seen, for SARIF */
    size_t n_rules;
};

bool cli_report_format_by_name(const char *name, enum cli_report_format *out)
{
    static const char *const names[] = {"text", "json", "sarif", "rdjsonl"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (enum cli_report_format)i;
            return true;
        }
    return false;
}

struct cli_place_pair cli_report_places(const struct syn_document *doc, uint32_t start,
                                        uint32_t end, enum syn_encoding unit)
{
    struct cli_place_pair p;
    syn_position_of(doc, start, unit, &p.line, &p.column);
    syn_position_of(doc, end, unit, &p.end_line, &p.end_column);
    p.line++;
    p.column++;
    p.end_line++;
    p.end_column++;
    return p;
}

cJSON *cli_report_text(const char *text, size_t len)
{
    char *copy = strndup(text, len);
    cJSON *out = copy ? cJSON_CreateString(copy) : NULL;
    free(copy);
    return out;
}

/* ---- Text -------------------------------------------------------------------------- */

/* The finding's first line, and marks below what it is about. Tabs stay tabs below, too. */
static void print_excerpt(const struct cli_report *r, const struct syn_document *doc,
                          const struct rev_finding *f)
{
    enum { WIDEST = 160 };
    size_t len, line, column;
    const char *text = syn_document_text(doc, &len);
    syn_position_of(doc, f->start, SYN_UTF8, &line, &column);
    size_t start = syn_line_start(doc, line), end = syn_line_end(doc, line);
    size_t shown = end - start < WIDEST ? end - start : WIDEST;
    if (column > shown) return;
    while (shown > 0 && start + shown < end && ((unsigned char)text[start + shown] & 0xC0) == 0x80)
        shown--;
    printf("%5zu | %.*s\n      | ", line + 1, (int)shown, text + start);
    for (size_t i = start; i < f->start; i++)
        if (((unsigned char)text[i] & 0xC0) != 0x80) putchar(text[i] == '\t' ? '\t' : ' ');
    fputs(r->colour ? "\033[1;32m^" : "^", stdout);
    size_t stop = f->end < start + shown ? f->end : start + shown;
    for (size_t i = f->start + 1; i < stop; i++)
        if (((unsigned char)text[i] & 0xC0) != 0x80) putchar('~');
    puts(r->colour ? "\033[0m" : "");
}

/* What the fix makes of its first line, on one line. */
static void print_fix(const struct rev_finding *f)
{
    if (!f->fix.text) return;
    size_t first = strcspn(f->fix.text, "\r\n");
    if (*f->fix.text)
        printf("      = %s: %.*s%s\n", f->fix.safe ? "fix" : "fix, perhaps", (int)first,
               f->fix.text, f->fix.text[first] ? " ..." : "");
    else
        printf("      = %s: remove it\n", f->fix.safe ? "fix" : "fix, perhaps");
}

static void print_text(const struct cli_report *r, const char *path, const struct syn_document *doc,
                       const struct rev_finding *f)
{
    static const char *const colours[] = {"\033[1;36m", "\033[1;34m", "\033[1;35m", "\033[1;31m"};
    enum rev_severity severity = f->severity;
    struct cli_place_pair at = cli_report_places(doc, f->start, f->end, SYN_UTF8);
    printf("%s:%zu:%zu: %s%s%s: %s [%s]\n", path, at.line, at.column,
           r->colour ? colours[severity] : "", rev_severity_name(severity),
           r->colour ? "\033[0m" : "", f->message, rev_finding_code(f));
    print_excerpt(r, doc, f);
    if (rev_finding_is_related(f)) {
        at = cli_report_places(doc, f->related.start, f->related.end, SYN_UTF8);
        printf("      = %s:%zu:%zu: %s\n", path, at.line, at.column, f->rule->related);
    }
    print_fix(f);
}

/* ---- JSON -------------------------------------------------------------------------- */

static void add_place(cJSON *out, const struct syn_document *doc, uint32_t start, uint32_t end)
{
    struct cli_place_pair at = cli_report_places(doc, start, end, SYN_UTF8);
    cJSON_AddNumberToObject(out, "line", (double)at.line);
    cJSON_AddNumberToObject(out, "col", (double)at.column);
    cJSON_AddNumberToObject(out, "end_line", (double)at.end_line);
    cJSON_AddNumberToObject(out, "end_col", (double)at.end_column);
}

static cJSON *json_fix(const struct syn_document *doc, const struct rev_fix *fix)
{
    if (!fix->text) return cJSON_CreateNull();
    cJSON *out = cJSON_CreateObject(), *edits = cJSON_AddArrayToObject(out, "edits");
    cJSON *edit = cJSON_CreateObject();
    add_place(edit, doc, fix->start, fix->end);
    cJSON_AddStringToObject(edit, "text", fix->text);
    cJSON_AddItemToArray(edits, edit);
    cJSON_AddBoolToObject(out, "safe", fix->safe);
    return out;
}

static cJSON *json_related(const struct syn_document *doc, const struct rev_finding *f)
{
    if (!rev_finding_is_related(f)) return cJSON_CreateNull();
    cJSON *out = cJSON_CreateObject();
    add_place(out, doc, f->related.start, f->related.end);
    cJSON_AddStringToObject(out, "message", f->rule->related);
    return out;
}

static cJSON *json_finding(const char *path, const struct syn_document *doc,
                           const struct rev_finding *f)
{
    char print[32];
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "file", path);
    add_place(out, doc, f->start, f->end);
    cJSON_AddStringToObject(out, "code", rev_finding_code(f));
    cJSON_AddStringToObject(out, "severity", rev_severity_name(f->severity));
    cJSON_AddStringToObject(out, "message", f->message);
    cJSON_AddNumberToObject(out, "confidence", f->confidence);
    snprintf(print, sizeof print, "%016" PRIx64, f->fingerprint);
    cJSON_AddStringToObject(out, "fingerprint", print);
    cJSON_AddItemToObject(out, "related", json_related(doc, f));
    cJSON_AddItemToObject(out, "fix", json_fix(doc, &f->fix));
    return out;
}

/* ---- rdjsonl ----------------------------------------------------------------------- */

static cJSON *rd_range(const struct syn_document *doc, uint32_t start, uint32_t end)
{
    struct cli_place_pair at = cli_report_places(doc, start, end, SYN_UTF8);
    cJSON *out = cJSON_CreateObject();
    cJSON *from = cJSON_AddObjectToObject(out, "start"), *to = cJSON_AddObjectToObject(out, "end");
    cJSON_AddNumberToObject(from, "line", (double)at.line);
    cJSON_AddNumberToObject(from, "column", (double)at.column);
    cJSON_AddNumberToObject(to, "line", (double)at.end_line);
    cJSON_AddNumberToObject(to, "column", (double)at.end_column);
    return out;
}

static void print_rd(const char *path, const struct syn_document *doc, const struct rev_finding *f)
{
    static const char *const severities[] = {"INFO", "INFO", "WARNING", "ERROR"};
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "message", f->message);
    cJSON *location = cJSON_AddObjectToObject(out, "location");
    cJSON_AddStringToObject(location, "path", path);
    cJSON_AddItemToObject(location, "range", rd_range(doc, f->start, f->end));
    cJSON_AddStringToObject(out, "severity", severities[f->severity]);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(out, "source"), "name", "espalier");
    cJSON_AddStringToObject(cJSON_AddObjectToObject(out, "code"), "value", rev_finding_code(f));
    if (f->fix.text) {
        cJSON *fixes = cJSON_AddArrayToObject(out, "suggestions"), *fix = cJSON_CreateObject();
        cJSON_AddItemToObject(fix, "range", rd_range(doc, f->fix.start, f->fix.end));
        cJSON_AddStringToObject(fix, "text", f->fix.text);
        cJSON_AddItemToArray(fixes, fix);
    }
    char *line = cJSON_PrintUnformatted(out);
    if (line) puts(line);
    cJSON_free(line);
    cJSON_Delete(out);
}

/* ---- The whole --------------------------------------------------------------------- */

struct cli_report *cli_report_begin(enum cli_report_format format, bool colour)
{
    struct cli_report *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->format = format;
    r->colour = colour;
    if (format == CLI_REPORT_JSON || format == CLI_REPORT_SARIF) r->results = cJSON_CreateArray();
    return r;
}

static size_t index_of_rule(struct cli_report *r, const struct rev_rule *rule)
{
    size_t i = 0;
    while (i < r->n_rules && strcmp(r->rules[i]->code, rule->code) != 0)
        i++;
    if (i == r->n_rules && i < MAX_RULES) r->rules[r->n_rules++] = rule;
    return i;
}

void cli_report_file(struct cli_report *r, const char *path, const struct syn_document *doc,
                     const struct rev_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct rev_finding *f = &findings->list[i];
        if (r->format == CLI_REPORT_TEXT) print_text(r, path, doc, f);
        if (r->format == CLI_REPORT_RDJSONL) print_rd(path, doc, f);
        cJSON *item =
            r->format == CLI_REPORT_JSON ? json_finding(path, doc, f)
            : r->format == CLI_REPORT_SARIF
                ? cli_sarif_result(path, doc, f, f->rule ? index_of_rule(r, f->rule) : SIZE_MAX)
                : NULL;
        if (item && !cJSON_AddItemToArray(r->results, item)) r->failed = true;
    }
}

bool cli_report_end(struct cli_report *r)
{
    cJSON *root = r->format == CLI_REPORT_SARIF ? cli_sarif_log(r->results, r->rules, r->n_rules)
                                                : r->results;
    char *printed = root ? cJSON_Print(root) : NULL;
    bool ok = !r->failed && (printed || !root);
    if (ok && printed) puts(printed);
    cJSON_free(printed);
    cJSON_Delete(root);
    free(r);
    return ok;
}

bool cli_report_drop(struct cli_report *r)
{
    cJSON_Delete(r->results);
    free(r);
    return true;
}
