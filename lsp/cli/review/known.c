/* Baselines: what was found before and is not to be told again.
 *
 * A finding is known by its file, its code and its fingerprint, so a baseline outlives edits
 * elsewhere in a file, and the second finding of a kind in a function is told although the first is
 * known.
 */
#include "lsp/cli/review/known.h"
#include "lsp/cli/cli.h"

#include <cjson/cJSON.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    char *file;
    uint64_t fingerprint; /* which holds the code */
};

struct cli_known {
    struct entry *entries; /* in order */
    size_t count;
};

struct cli_baseline {
    cJSON *findings;
    bool failed;
};

/* ---- Reading ----------------------------------------------------------------------- */

static int by_entry(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->file, y->file);
    if (order != 0) return order;
    return x->fingerprint < y->fingerprint ? -1 : x->fingerprint > y->fingerprint;
}

/* "0123456789abcdef" */
static bool read_fingerprint(const char *text, uint64_t *out)
{
    if (!text || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16) return false;
    *out = strtoull(text, NULL, 16);
    return true;
}

static bool read_entries(const cJSON *findings, struct cli_known *known)
{
    const cJSON *item;
    known->entries = calloc((size_t)cJSON_GetArraySize(findings) + 1, sizeof *known->entries);
    if (!known->entries) return false;
    cJSON_ArrayForEach(item, findings)
    {
        const char *file = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "file"));
        const cJSON *print = cJSON_GetObjectItemCaseSensitive(item, "fingerprint");
        struct entry *entry = &known->entries[known->count];
        if (!file || !read_fingerprint(cJSON_GetStringValue(print), &entry->fingerprint))
            return false;
        entry->file = strdup(file);
        if (!entry->file) return false;
        known->count++;
    }
    qsort(known->entries, known->count, sizeof *known->entries, by_entry);
    return true;
}

struct cli_known *cli_known_read(const char *path)
{
    size_t len;
    char *text = cli_read_file(path, &len);
    if (!text) return NULL;
    cJSON *root = cJSON_ParseWithLength(text, len);
    const cJSON *findings = cJSON_GetObjectItemCaseSensitive(root, "findings");
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(root, "version");
    struct cli_known *known = calloc(1, sizeof *known);
    bool ok = known && cJSON_IsArray(findings) && cJSON_IsNumber(version) &&
              version->valueint == 1 && read_entries(findings, known);
    cJSON_Delete(root);
    free(text);
    if (ok) return known;
    cli_known_free(known);
    cli_fail("%s: no baseline: expected {\"version\": 1, \"findings\": [{\"file\", \"code\", "
             "\"fingerprint\"}]}, as --write-baseline makes it",
             path);
    return NULL;
}

void cli_known_free(struct cli_known *known)
{
    if (!known) return;
    for (size_t i = 0; i < known->count; i++)
        free(known->entries[i].file);
    free(known->entries);
    free(known);
}

/* ---- Taking out -------------------------------------------------------------------- */

size_t cli_known_drop(const struct cli_known *known, const char *file,
                      struct rev_findings *findings)
{
    size_t kept = 0, before = findings->count;
    for (size_t i = 0; i < before; i++) {
        struct entry key = {(char *)(size_t)file, findings->list[i].fingerprint};
        if (bsearch(&key, known->entries, known->count, sizeof key, by_entry))
            free(findings->list[i].fix.text);
        else
            findings->list[kept++] = findings->list[i];
    }
    findings->count = kept;
    return before - kept;
}

static bool has(const struct rev_findings *findings, uint64_t fingerprint)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->list[i].fingerprint == fingerprint) return true;
    return false;
}

size_t cli_known_subtract(const struct rev_findings *old, struct rev_findings *findings)
{
    size_t kept = 0, before = findings->count;
    for (size_t i = 0; i < before; i++) {
        if (has(old, findings->list[i].fingerprint))
            free(findings->list[i].fix.text);
        else
            findings->list[kept++] = findings->list[i];
    }
    findings->count = kept;
    return before - kept;
}

/* ---- Writing ----------------------------------------------------------------------- */

struct cli_baseline *cli_baseline_begin(void)
{
    struct cli_baseline *baseline = calloc(1, sizeof *baseline);
    if (baseline) baseline->findings = cJSON_CreateArray();
    return baseline;
}

void cli_baseline_add(struct cli_baseline *baseline, const char *file,
                      const struct rev_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct rev_finding *f = &findings->list[i];
        char print[32];
        cJSON *item = cJSON_CreateObject();
        snprintf(print, sizeof print, "%016" PRIx64, f->fingerprint);
        cJSON_AddStringToObject(item, "file", file);
        cJSON_AddStringToObject(item, "code", rev_finding_code(f));
        cJSON_AddStringToObject(item, "fingerprint", print);
        if (!item || !cJSON_AddItemToArray(baseline->findings, item)) baseline->failed = true;
    }
}

bool cli_baseline_end(struct cli_baseline *baseline, const char *path)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "version", 1);
    cJSON_AddItemToObject(root, "findings", baseline->findings);
    char *text = baseline->failed ? NULL : cJSON_Print(root);
    FILE *file = text ? fopen(path, "wb") : NULL;
    bool ok = file && fprintf(file, "%s\n", text) > 0;
    ok = file && fclose(file) == 0 && ok;
    if (!ok) cli_fail("%s: the baseline cannot be written", path);
    cJSON_free(text);
    cJSON_Delete(root);
    free(baseline);
    return ok;
}
