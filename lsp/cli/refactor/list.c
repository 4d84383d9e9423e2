/* Lists of places: FILE:LINE:COL: and the first line there; in JSON, items as review has them. */
#include "lsp/cli/refactor/list.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cli_list {
    cJSON *items; /* NULL: lines */
    bool failed;
};

struct cli_list *cli_list_begin(bool json)
{
    struct cli_list *list = calloc(1, sizeof *list);
    if (list && json && !(list->items = cJSON_CreateArray())) {
        free(list);
        return NULL;
    }
    return list;
}

static void add_place(cJSON *out, const struct syn_document *doc, struct syn_span span)
{
    size_t line, column;
    syn_position_of(doc, span.start, SYN_UTF8, &line, &column);
    cJSON_AddNumberToObject(out, "line", (double)line + 1);
    cJSON_AddNumberToObject(out, "col", (double)column + 1);
    syn_position_of(doc, span.end, SYN_UTF8, &line, &column);
    cJSON_AddNumberToObject(out, "end_line", (double)line + 1);
    cJSON_AddNumberToObject(out, "end_col", (double)column + 1);
}

static void add_text(cJSON *out, const char *name, const char *text, size_t len)
{
    char *copy = strndup(text, len);
    if (copy) cJSON_AddStringToObject(out, name, copy);
    free(copy);
}

static cJSON *item_of(const char *path, const struct syn_document *doc, const struct ref_change *c)
{
    size_t len;
    const char *text = syn_document_text(doc, &len);
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "file", path);
    add_place(out, doc, c->span);
    cJSON_AddStringToObject(out, "code", "pattern");
    add_text(out, "text", text + c->span.start, c->span.end - c->span.start);
    if (!c->text) {
        cJSON_AddNullToObject(out, "fix");
        return out;
    }
    cJSON *fix = cJSON_AddObjectToObject(out, "fix"), *edit = cJSON_CreateObject();
    cJSON_AddItemToArray(cJSON_AddArrayToObject(fix, "edits"), edit);
    add_place(edit, doc, c->span);
    add_text(edit, "text", c->text, c->len);
    return out;
}

static void print_place(const char *path, const struct syn_document *doc, struct syn_span span)
{
    size_t len, line, column;
    const char *text = syn_document_text(doc, &len);
    syn_position_of(doc, span.start, SYN_UTF8, &line, &column);
    size_t start = syn_line_start(doc, line), end = syn_line_end(doc, line);
    while (start < end && (text[start] == ' ' || text[start] == '\t'))
        start++;
    printf("%s:%zu:%zu: %.*s\n", path, line + 1, column + 1, (int)(end - start), text + start);
}

void cli_list_add(struct cli_list *list, const char *path, const struct syn_document *doc,
                  const struct ref_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        if (!list->items)
            print_place(path, doc, changes->list[i].span);
        else if (!cJSON_AddItemToArray(list->items, item_of(path, doc, &changes->list[i])))
            list->failed = true;
    }
}

bool cli_list_end(struct cli_list *list)
{
    char *printed = list->items ? cJSON_Print(list->items) : NULL;
    bool ok = !list->failed && (printed || !list->items);
    if (ok && printed) puts(printed);
    cJSON_free(printed);
    cJSON_Delete(list->items);
    free(list);
    return ok;
}
