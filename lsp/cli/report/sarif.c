/* SARIF 2.1.0: one run, its rules with their help, results with fingerprints and fixes. */
#include "lsp/cli/report/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *level_of(enum rev_severity severity)
{
    return severity == REV_ERROR ? "error" : severity == REV_WARNING ? "warning" : "note";
}

static cJSON *text_object(cJSON *parent, const char *name, const char *text)
{
    cJSON *out = cJSON_AddObjectToObject(parent, name);
    cJSON_AddStringToObject(out, "text", text);
    return out;
}

/* A relative reference: what is no plain character of a path is percent-encoded. */
static void add_uri(cJSON *parent, const char *path)
{
    char uri[3 * 4096 + 8];
    size_t n = 0;
    for (const char *at = path; *at && n + 4 < sizeof uri; at++) {
        unsigned char c = (unsigned char)*at;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~/@+,=", c);
        n += (size_t)snprintf(uri + n, sizeof uri - n, plain ? "%c" : "%%%02X", c);
    }
    uri[n] = 0;
    cJSON_AddStringToObject(cJSON_AddObjectToObject(parent, "artifactLocation"), "uri", uri);
}

static cJSON *add_region(cJSON *parent, const char *name, const struct syn_document *doc,
                         uint32_t start, uint32_t end)
{
    struct cli_place_pair at = cli_report_places(doc, start, end, SYN_UTF32);
    cJSON *region = cJSON_AddObjectToObject(parent, name);
    cJSON_AddNumberToObject(region, "startLine", (double)at.line);
    cJSON_AddNumberToObject(region, "startColumn", (double)at.column);
    cJSON_AddNumberToObject(region, "endLine", (double)at.end_line);
    cJSON_AddNumberToObject(region, "endColumn", (double)at.end_column);
    return region;
}

static void add_fix(cJSON *result, const char *path, const struct syn_document *doc,
                    const struct rev_fix *fix)
{
    if (!fix->text) return;
    cJSON *fixes = cJSON_AddArrayToObject(result, "fixes"), *out = cJSON_CreateObject();
    cJSON_AddItemToArray(fixes, out);
    text_object(out, "description",
                fix->safe ? "Apply the fix" : "Apply the fix, if it is meant so");
    cJSON *changes = cJSON_AddArrayToObject(out, "artifactChanges"), *change = cJSON_CreateObject();
    cJSON_AddItemToArray(changes, change);
    add_uri(change, path);
    cJSON *all = cJSON_AddArrayToObject(change, "replacements"), *one = cJSON_CreateObject();
    cJSON_AddItemToArray(all, one);
    add_region(one, "deletedRegion", doc, fix->start, fix->end);
    text_object(one, "insertedContent", fix->text);
}

static void add_related(cJSON *result, const char *path, const struct syn_document *doc,
                        const struct rev_finding *f)
{
    if (!rev_finding_is_related(f)) return;
    cJSON *list = cJSON_AddArrayToObject(result, "relatedLocations"), *one = cJSON_CreateObject();
    cJSON_AddItemToArray(list, one);
    cJSON *physical = cJSON_AddObjectToObject(one, "physicalLocation");
    add_uri(physical, path);
    add_region(physical, "region", doc, f->related.start, f->related.end);
    text_object(one, "message", f->rule->related);
}

cJSON *cli_sarif_result(const char *path, const struct syn_document *doc,
                        const struct rev_finding *f, size_t rule)
{
    char print[32];
    size_t len;
    const char *text = syn_document_text(doc, &len);
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "ruleId", rev_finding_code(f));
    if (rule != SIZE_MAX) cJSON_AddNumberToObject(out, "ruleIndex", (double)rule);
    cJSON_AddStringToObject(out, "level", level_of(f->severity));
    cJSON_AddNumberToObject(out, "rank", 100 * f->confidence);
    text_object(out, "message", f->message);
    cJSON *locations = cJSON_AddArrayToObject(out, "locations"), *location = cJSON_CreateObject();
    cJSON_AddItemToArray(locations, location);
    cJSON *physical = cJSON_AddObjectToObject(location, "physicalLocation");
    add_uri(physical, path);
    cJSON *region = add_region(physical, "region", doc, f->start, f->end);
    cJSON_AddItemToObject(cJSON_AddObjectToObject(region, "snippet"), "text",
                          cli_report_text(text + f->start, f->end - f->start));
    snprintf(print, sizeof print, "%016" PRIx64, f->fingerprint);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(out, "partialFingerprints"), "espalier/v1",
                            print);
    add_related(out, path, doc, f);
    add_fix(out, path, doc, &f->fix);
    return out;
}

static cJSON *rule_object(const struct rev_rule *rule)
{
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "id", rule->code);
    text_object(out, "shortDescription", rule->title);
    if (*rule->help) {
        text_object(out, "fullDescription", rule->help);
        text_object(out, "help", rule->help);
    }
    cJSON_AddStringToObject(cJSON_AddObjectToObject(out, "defaultConfiguration"), "level",
                            level_of(rule->severity));
    return out;
}

cJSON *cli_sarif_log(cJSON *results, const struct rev_rule *const *rules, size_t n_rules)
{
    cJSON *out = cJSON_CreateObject(), *run = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    cJSON_AddStringToObject(out, "version", "2.1.0");
    cJSON_AddItemToArray(cJSON_AddArrayToObject(out, "runs"), run);
    cJSON *driver = cJSON_AddObjectToObject(cJSON_AddObjectToObject(run, "tool"), "driver");
    cJSON_AddStringToObject(driver, "name", "espalier");
    cJSON_AddStringToObject(driver, "version", ESPALIER_VERSION);
    cJSON *list = cJSON_AddArrayToObject(driver, "rules");
    for (size_t i = 0; i < n_rules; i++)
        cJSON_AddItemToArray(list, rule_object(rules[i]));
    cJSON_AddStringToObject(run, "columnKind", "unicodeCodePoints");
    cJSON_AddItemToObject(run, "results", results);
    return out;
}
