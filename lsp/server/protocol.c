/* protocol.c: between LSP's JSON and plain structs.
 *
 * Knows the shapes of LSP and the deviations that real clients are known for; decides
 * nothing. Everything read here came from outside: each member is checked for its type,
 * numbers for being whole and in range, arrays for their length.
 */
#include "lsp/server/protocol.h"

#include "lsp/server/json.h"

#include <math.h>
#include <string.h>

#define MAX_CHANGES 65536

/* ---- Members ----------------------------------------------------------------------- */

static const cJSON *get(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static bool is_true(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(get(object, name));
}

static bool read_string(const cJSON *object, const char *name, const char **out,
                        struct lsp_error *err)
{
    const cJSON *item = get(object, name);
    if (!cJSON_IsString(item)) return lsp_fail(err, "params: %s is missing or no string", name);
    *out = item->valuestring;
    return true;
}

/* A whole number that a double holds exactly. */
static bool read_integer(const cJSON *item, int64_t *out)
{
    if (!cJSON_IsNumber(item) || !(fabs(item->valuedouble) <= 9007199254740992.0) ||
        item->valuedouble != floor(item->valuedouble))
        return false;
    *out = (int64_t)item->valuedouble;
    return true;
}

static bool read_unsigned(const cJSON *object, const char *name, uint32_t *out,
                          struct lsp_error *err)
{
    int64_t number;
    if (!read_integer(get(object, name), &number) || number < 0)
        return lsp_fail(err, "params: %s is missing or no unsigned integer", name);
    *out = number > INT32_MAX ? INT32_MAX : (uint32_t)number;
    return true;
}

static bool read_position(const cJSON *object, struct lsp_position *out, struct lsp_error *err)
{
    return read_unsigned(object, "line", &out->line, err) &&
           read_unsigned(object, "character", &out->character, err);
}

/* An object with start and end, or what vscode-languageclient 9 sends for a selected
 * completion: an array of the two. */
static bool read_range(const cJSON *item, struct lsp_range *out, struct lsp_error *err)
{
    const cJSON *start = get(item, "start"), *end = get(item, "end");
    if (cJSON_IsArray(item)) {
        start = cJSON_GetArrayItem(item, 0);
        end = cJSON_GetArrayItem(item, 1);
    }
    if (!cJSON_IsObject(start) || !cJSON_IsObject(end))
        return lsp_fail(err, "params: range is missing or has no start and end");
    return read_position(start, &out->start, err) && read_position(end, &out->end, err);
}

bool lsp_read_uri(struct lsp_message *message, const char **uri, struct lsp_error *err)
{
    return read_string(get(message->params, "textDocument"), "uri", uri, err);
}

bool lsp_read_action(struct lsp_message *message, struct lsp_action_params *out,
                     struct lsp_error *err)
{
    const cJSON *only = get(get(message->params, "context"), "only"), *kind = NULL;
    const cJSON *trigger = get(get(message->params, "context"), "triggerKind");
    bool all = !cJSON_IsArray(only), by_hand = cJSON_IsNumber(trigger) && trigger->valueint == 1;
    *out = (struct lsp_action_params){
        .wants_quick_fixes = all, .wants_refactorings = all, .asked_for_refactorings = by_hand};
    cJSON_ArrayForEach(kind, only)
    {
        if (!cJSON_IsString(kind)) continue;
        const char *name = kind->valuestring;
        bool refactor = strcmp(name, "refactor") == 0 || strcmp(name, "refactor.rewrite") == 0;
        out->wants_quick_fixes |= strcmp(name, "quickfix") == 0 || !*name;
        out->wants_refactorings |= refactor || !*name;
        out->asked_for_refactorings |= refactor;
    }
    return lsp_read_uri(message, &out->uri, err) &&
           read_range(get(message->params, "range"), &out->range, err);
}

bool lsp_read_resolve(struct lsp_message *message, struct lsp_resolve_params *out,
                      struct lsp_error *err)
{
    const cJSON *data = get(message->params, "data"), *all = get(data, "all");
    *out = (struct lsp_resolve_params){.action = message->params, .all = cJSON_IsTrue(all)};
    if (!read_integer(get(data, "version"), &out->version) ||
        !read_integer(get(data, "start"), &out->start) ||
        !read_integer(get(data, "end"), &out->end) || out->start < 0 || out->end < out->start ||
        out->end > SYN_MAX_BYTES)
        return lsp_fail(err, "params: data is not that of an action of ours");
    return read_string(data, "uri", &out->uri, err) && read_string(data, "rule", &out->rule, err);
}

bool lsp_read_diagnostic(struct lsp_message *message, struct lsp_diagnostic_params *out,
                         struct lsp_error *err)
{
    const cJSON *previous = get(message->params, "previousResultId");
    *out = (struct lsp_diagnostic_params){.previous = ""};
    if (cJSON_IsString(previous)) out->previous = previous->valuestring;
    return lsp_read_uri(message, &out->uri, err);
}

bool lsp_read_explain(struct lsp_message *message, struct lsp_explain_params *out,
                      struct lsp_error *err)
{
    const cJSON *command = get(message->params, "command");
    const cJSON *arguments = get(message->params, "arguments");
    if (!cJSON_IsString(command) || strcmp(command->valuestring, LSP_EXPLAIN) != 0)
        return lsp_fail(err, "params: command is not \"" LSP_EXPLAIN "\", and there is no other");
    const cJSON *uri = cJSON_IsArray(arguments) ? arguments->child : NULL;
    const cJSON *code = uri ? uri->next : NULL;
    if (!cJSON_IsString(uri) || !cJSON_IsString(code))
        return lsp_fail(err, "params: arguments are not a document's URI and a finding's code");
    *out = (struct lsp_explain_params){uri->valuestring, code->valuestring};
    return true;
}

/* ---- initialize -------------------------------------------------------------------- */

/* The first encoding of the client's list that we know; all are the same to us. */
static enum syn_encoding read_encoding(const cJSON *capabilities)
{
    const cJSON *list = get(get(capabilities, "general"), "positionEncodings");
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item)) continue;
        if (strcmp(item->valuestring, "utf-8") == 0) return SYN_UTF8;
        if (strcmp(item->valuestring, "utf-16") == 0) return SYN_UTF16;
        if (strcmp(item->valuestring, "utf-32") == 0) return SYN_UTF32;
    }
    return SYN_UTF16;
}

static void add_folder(struct lsp_initialize_params *out, const cJSON *uri)
{
    if (cJSON_IsString(uri) && out->folder_count < LSP_MAX_FOLDERS)
        out->folders[out->folder_count++] = uri->valuestring;
}

/* What is said of diagnostics that are pushed holds for those that are asked for, too. */
static void read_diagnostic_abilities(const cJSON *text_document, const cJSON *workspace,
                                      struct lsp_initialize_params *out)
{
    const cJSON *pushed = get(text_document, "publishDiagnostics");
    const cJSON *pulled = get(text_document, "diagnostic");
    out->related_information =
        is_true(pushed, "relatedInformation") || is_true(pulled, "relatedInformation");
    out->code_description =
        is_true(pushed, "codeDescriptionSupport") || is_true(pulled, "codeDescriptionSupport");
    out->pull_diagnostics =
        cJSON_IsObject(pulled) && is_true(get(workspace, "diagnostics"), "refreshSupport");
}

bool lsp_read_initialize(struct lsp_message *message, struct lsp_initialize_params *out,
                         struct lsp_error *err)
{
    const cJSON *params = message->params;
    const cJSON *capabilities = get(params, "capabilities");
    *out = (struct lsp_initialize_params){.client_name = ""};
    if (!cJSON_IsObject(capabilities))
        return lsp_fail(err, "params: capabilities is missing or no object");
    int64_t pid;
    if (read_integer(get(params, "processId"), &pid) && pid > 0 && pid <= INT32_MAX)
        out->process_id = pid;
    const cJSON *name = get(get(params, "clientInfo"), "name");
    if (cJSON_IsString(name)) out->client_name = name->valuestring;
    const cJSON *text_document = get(capabilities, "textDocument");
    const cJSON *workspace = get(capabilities, "workspace");
    out->encoding = read_encoding(capabilities);
    out->inline_completion = cJSON_IsObject(get(text_document, "inlineCompletion"));
    out->work_done_progress = is_true(get(capabilities, "window"), "workDoneProgress");
    out->pull_configuration = is_true(workspace, "configuration");
    out->register_configuration =
        is_true(get(workspace, "didChangeConfiguration"), "dynamicRegistration");
    out->register_watches = is_true(get(workspace, "didChangeWatchedFiles"), "dynamicRegistration");
    read_diagnostic_abilities(text_document, workspace, out);
    const cJSON *resolved =
        get(get(get(text_document, "codeAction"), "resolveSupport"), "properties");
    const cJSON *property = NULL;
    cJSON_ArrayForEach(property, resolved) out->resolves_edits |=
        cJSON_IsString(property) && strcmp(property->valuestring, "edit") == 0;
    out->annotates_changes =
        cJSON_IsObject(get(get(workspace, "workspaceEdit"), "changeAnnotationSupport"));
    const cJSON *folder = NULL;
    cJSON_ArrayForEach(folder, get(params, "workspaceFolders")) add_folder(out, get(folder, "uri"));
    if (out->folder_count == 0) add_folder(out, get(params, "rootUri"));
    out->options = get(params, "initializationOptions");
    return true;
}

/* ---- Documents --------------------------------------------------------------------- */

bool lsp_read_open(struct lsp_message *message, struct lsp_open_params *out, struct lsp_error *err)
{
    const cJSON *document = get(message->params, "textDocument");
    *out = (struct lsp_open_params){.language_id = ""};
    if (!read_integer(get(document, "version"), &out->version))
        return lsp_fail(err, "params: version is missing or no integer");
    return read_string(document, "uri", &out->uri, err) &&
           read_string(document, "languageId", &out->language_id, err) &&
           read_string(document, "text", &out->text, err);
}

static bool read_change(const cJSON *item, struct lsp_change *out, struct lsp_error *err)
{
    const cJSON *range = get(item, "range");
    out->has_range = range && !cJSON_IsNull(range);
    return (!out->has_range || read_range(range, &out->range, err)) &&
           read_string(item, "text", &out->text, err);
}

bool lsp_read_change(struct lsp_message *message, struct lsp_change_params *out,
                     struct lsp_error *err)
{
    const cJSON *params = message->params;
    *out = (struct lsp_change_params){.uri = NULL};
    if (!lsp_read_uri(message, &out->uri, err)) return false;
    const cJSON *version = get(get(params, "textDocument"), "version");
    out->has_version = read_integer(version, &out->version);
    if (!out->has_version && version && !cJSON_IsNull(version))
        return lsp_fail(err, "params: version is no integer");
    const cJSON *changes = get(params, "contentChanges");
    int count = cJSON_GetArraySize(changes);
    if (!cJSON_IsArray(changes) || count > MAX_CHANGES)
        return lsp_fail(err, "params: contentChanges is no array of at most %d changes",
                        MAX_CHANGES);
    out->changes = lsp_arena_alloc(&message->arena, (size_t)count, sizeof *out->changes);
    if (!out->changes) return lsp_fail(err, "too many changes (%d) for one message", count);
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, changes)
    {
        if (!read_change(item, &out->changes[out->count++], err)) return false;
    }
    return true;
}

/* ---- Requests ---------------------------------------------------------------------- */

bool lsp_read_completion(struct lsp_message *message, struct lsp_completion_params *out,
                         struct lsp_error *err)
{
    const cJSON *params = message->params;
    *out = (struct lsp_completion_params){.trigger_kind = -1};
    const cJSON *position = get(params, "position");
    if (!lsp_read_uri(message, &out->uri, err)) return false;
    if (!cJSON_IsObject(position)) return lsp_fail(err, "params: position is missing or no object");
    if (!read_position(position, &out->position, err)) return false;
    const cJSON *context = get(params, "context");
    int64_t kind;
    if (read_integer(get(context, "triggerKind"), &kind) && kind >= 0 && kind <= 8)
        out->trigger_kind = (int)kind;
    const cJSON *selected = get(context, "selectedCompletionInfo");
    if (!cJSON_IsObject(selected)) return true;
    out->has_selected = true;
    return read_range(get(selected, "range"), &out->selected_range, err) &&
           read_string(selected, "text", &out->selected_text, err);
}

bool lsp_read_cancel(struct lsp_message *message, const char **id, struct lsp_error *err)
{
    /* Parsed numbers may have lost digits; the written id has not. */
    size_t len = message->params_len;
    char *text = lsp_arena_copy(&message->arena, message->params_text, len);
    struct lsp_json_outline outline;
    bool twice = false;
    if (!text || !lsp_json_check(text, len, &outline, NULL))
        return lsp_fail(err, "params: id is missing");
    const struct lsp_json_member *member = lsp_json_find(&outline, "id", &twice);
    if (!member || twice || member->value_len > LSP_MAX_ID ||
        (member->type != LSP_JSON_NUMBER && member->type != LSP_JSON_STRING))
        return lsp_fail(err, "params: id is missing or neither a number nor a string");
    *id = lsp_arena_copy(&message->arena, member->value, member->value_len);
    return *id || lsp_fail(err, "out of memory");
}

static void read_folder_list(const cJSON *list, const char **out, size_t *count)
{
    const cJSON *folder = NULL;
    cJSON_ArrayForEach(folder, list)
    {
        const cJSON *uri = get(folder, "uri");
        if (cJSON_IsString(uri) && *count < LSP_MAX_FOLDERS) out[(*count)++] = uri->valuestring;
    }
}

bool lsp_read_folders(struct lsp_message *message, struct lsp_folders_params *out,
                      struct lsp_error *err)
{
    const cJSON *event = get(message->params, "event");
    *out = (struct lsp_folders_params){.added_count = 0};
    if (!cJSON_IsObject(event)) return lsp_fail(err, "params: event is missing or no object");
    read_folder_list(get(event, "added"), out->added, &out->added_count);
    read_folder_list(get(event, "removed"), out->removed, &out->removed_count);
    return true;
}

/* Ours in a table of settings: below "espalier", or all of it. Neovim sends an empty table
 * as an array. */
static const cJSON *own_settings(const cJSON *settings)
{
    const cJSON *ours = get(settings, "espalier");
    if (cJSON_IsObject(ours)) return ours;
    return cJSON_IsObject(settings) && settings->child ? settings : NULL;
}

bool lsp_read_watched(struct lsp_message *message, const char **uris, size_t max, size_t *count,
                      bool *more, struct lsp_error *err)
{
    const cJSON *changes = get(message->params, "changes"), *item = NULL;
    *count = 0;
    *more = false;
    if (!cJSON_IsArray(changes)) return lsp_fail(err, "params: changes is missing or no array");
    cJSON_ArrayForEach(item, changes)
    {
        const cJSON *uri = get(item, "uri");
        if (!cJSON_IsString(uri)) return lsp_fail(err, "params: uri is missing or no string");
        *more = *count == max;
        if (*more) break;
        uris[(*count)++] = uri->valuestring;
    }
    return true;
}

const cJSON *lsp_read_settings(const struct lsp_message *message)
{
    return own_settings(get(message->params, "settings"));
}

const cJSON *lsp_read_options(const struct lsp_initialize_params *params)
{
    return own_settings(params->options);
}

const cJSON *lsp_read_configuration_answer(const struct lsp_message *message)
{
    const cJSON *first = cJSON_GetArrayItem(message->params, 0);
    return cJSON_IsObject(first) ? first : NULL;
}

uint32_t lsp_read_accepted_length(const struct lsp_message *message)
{
    uint32_t length = 0;
    read_unsigned(message->params, "acceptedLength", &length, NULL);
    return length;
}

char *lsp_print(const cJSON *json)
{
    return cJSON_PrintUnformatted(json);
}

/* ---- Writing ----------------------------------------------------------------------- */

/* Adds item (NULL when it could not be made) under name; on failure frees object too and
 * returns NULL, so that a chain of calls ends in NULL. */
static cJSON *with(cJSON *object, const char *name, cJSON *item)
{
    if (object && item && cJSON_AddItemToObjectCS(object, name, item)) return object;
    cJSON_Delete(item);
    cJSON_Delete(object);
    return NULL;
}

static cJSON *with_text(cJSON *object, const char *name, const char *text)
{
    return with(object, name, cJSON_CreateString(text));
}

static cJSON *with_number(cJSON *object, const char *name, double number)
{
    return with(object, name, cJSON_CreateNumber(number));
}

static cJSON *with_bool(cJSON *object, const char *name, bool value)
{
    return with(object, name, cJSON_CreateBool(value));
}

cJSON *lsp_write_list(void)
{
    return cJSON_CreateArray();
}

cJSON *lsp_list_add(cJSON *array, cJSON *item)
{
    if (array && item && cJSON_AddItemToArray(array, item)) return array;
    cJSON_Delete(item);
    cJSON_Delete(array);
    return NULL;
}

static cJSON *write_sync_options(void)
{
    cJSON *save = with_bool(cJSON_CreateObject(), "includeText", false);
    cJSON *sync = with_bool(cJSON_CreateObject(), "openClose", true);
    sync = with_number(sync, "change", 2); /* incremental; whole texts are understood too */
    return with(sync, "save", save);
}

static cJSON *write_workspace_options(void)
{
    cJSON *folders = with_bool(cJSON_CreateObject(), "supported", true);
    folders = with_bool(folders, "changeNotifications", true);
    return with(cJSON_CreateObject(), "workspaceFolders", folders);
}

static cJSON *write_diagnostic_options(void)
{
    cJSON *options = with_text(cJSON_CreateObject(), "identifier", "espalier");
    options = with_bool(options, "interFileDependencies", false);
    return with_bool(options, "workspaceDiagnostics", false);
}

cJSON *lsp_write_capabilities(const struct lsp_initialize_params *params)
{
    static const char *const names[] = {
        [SYN_UTF8] = "utf-8", [SYN_UTF16] = "utf-16", [SYN_UTF32] = "utf-32"};
    cJSON *capabilities =
        with_text(cJSON_CreateObject(), "positionEncoding", names[params->encoding]);
    capabilities = with(capabilities, "textDocumentSync", write_sync_options());
    cJSON *offer = cJSON_CreateObject();
    if (!params->inline_completion) /* to some clients an object without members means "no" */
        offer = with_bool(offer, "resolveProvider", false);
    capabilities =
        with(capabilities,
             params->inline_completion ? "inlineCompletionProvider" : "completionProvider", offer);
    if (params->pull_diagnostics)
        capabilities = with(capabilities, "diagnosticProvider", write_diagnostic_options());
    cJSON *kinds = lsp_list_add(lsp_write_list(), cJSON_CreateString("quickfix"));
    kinds = lsp_list_add(kinds, cJSON_CreateString("refactor.rewrite"));
    cJSON *actions = with(cJSON_CreateObject(), "codeActionKinds", kinds);
    actions = with_bool(actions, "resolveProvider", true);
    capabilities = with(capabilities, "codeActionProvider", actions);
    cJSON *commands = lsp_list_add(lsp_write_list(), cJSON_CreateString(LSP_EXPLAIN));
    capabilities = with(capabilities, "executeCommandProvider",
                        with(cJSON_CreateObject(), "commands", commands));
    capabilities = with(capabilities, "workspace", write_workspace_options());
    cJSON *info = with_text(cJSON_CreateObject(), "name", "espalier");
    info = with_text(info, "version", ESPALIER_VERSION);
    cJSON *result = with(cJSON_CreateObject(), "capabilities", capabilities);
    return with(result, "serverInfo", info);
}

static cJSON *write_position(struct lsp_position position)
{
    cJSON *object = with_number(cJSON_CreateObject(), "line", position.line);
    return with_number(object, "character", position.character);
}

cJSON *lsp_write_range(const struct lsp_range *range)
{
    cJSON *object = with(cJSON_CreateObject(), "start", write_position(range->start));
    return with(object, "end", write_position(range->end));
}

cJSON *lsp_write_inline_item(const char *text, const struct lsp_range *range)
{
    cJSON *item = with_text(cJSON_CreateObject(), "insertText", text);
    return with(item, "range", lsp_write_range(range));
}

cJSON *lsp_write_completion_item(const char *label, const char *text, const char *filter,
                                 unsigned rank, const struct lsp_range *range)
{
    char sort[16];
    snprintf(sort, sizeof sort, "%04u", rank);
    cJSON *edit = with(cJSON_CreateObject(), "range", lsp_write_range(range));
    edit = with_text(edit, "newText", text);
    cJSON *item = with_text(cJSON_CreateObject(), "label", label);
    item = with_number(item, "kind", 1); /* Text */
    item = with_text(item, "detail", "Espalier");
    item = with_text(item, "filterText", filter);
    item = with_text(item, "sortText", sort);
    item = with_number(item, "insertTextFormat", 1); /* plain text */
    return with(item, "textEdit", edit);
}

cJSON *lsp_write_completion_list(cJSON *array)
{
    return with(with_bool(cJSON_CreateObject(), "isIncomplete", true), "items", array);
}

cJSON *lsp_write_message(enum lsp_message_type type, const char *text)
{
    return with_text(with_number(cJSON_CreateObject(), "type", type), "message", text);
}

cJSON *lsp_write_progress_token(const char *token)
{
    return with_text(cJSON_CreateObject(), "token", token);
}

cJSON *lsp_write_progress(const char *token, const char *kind, const char *text)
{
    cJSON *value = with_text(cJSON_CreateObject(), "kind", kind);
    value = with_text(value, strcmp(kind, "begin") == 0 ? "title" : "message", text);
    return with(with_text(cJSON_CreateObject(), "token", token), "value", value);
}

cJSON *lsp_write_report(cJSON *items, const char *id)
{
    cJSON *report = with_text(cJSON_CreateObject(), "kind", items ? "full" : "unchanged");
    report = with_text(report, "resultId", id);
    return items ? with(report, "items", items) : report;
}

cJSON *lsp_write_configuration_items(void)
{
    cJSON *item = with_text(cJSON_CreateObject(), "section", "espalier");
    return with(cJSON_CreateObject(), "items", lsp_list_add(lsp_write_list(), item));
}

cJSON *lsp_write_configuration_registration(void)
{
    static const char method[] = "workspace/didChangeConfiguration";
    cJSON *options = with_text(cJSON_CreateObject(), "section", "espalier");
    cJSON *item = with_text(cJSON_CreateObject(), "id", "espalier-configuration");
    item = with_text(item, "method", method);
    item = with(item, "registerOptions", options);
    return with(cJSON_CreateObject(), "registrations", lsp_list_add(lsp_write_list(), item));
}

cJSON *lsp_write_watch_registration(void)
{
    cJSON *watcher = with_text(cJSON_CreateObject(), "globPattern", "**/*");
    cJSON *options =
        with(cJSON_CreateObject(), "watchers", lsp_list_add(lsp_write_list(), watcher));
    cJSON *item = with_text(cJSON_CreateObject(), "id", "espalier-files");
    item = with_text(item, "method", "workspace/didChangeWatchedFiles");
    item = with(item, "registerOptions", options);
    return with(cJSON_CreateObject(), "registrations", lsp_list_add(lsp_write_list(), item));
}

static cJSON *write_index(const struct lsp_status *status)
{
    cJSON *index = with_text(cJSON_CreateObject(), "state", status->index_state);
    index = with_number(index, "files", status->index_files);
    index = with_number(index, "symbols", status->index_symbols);
    index = with_number(index, "bytes", status->index_bytes);
    index = with_number(index, "passedOver", status->index_passed_over);
    index = with_number(index, "walks", status->index_walks);
    index = with_number(index, "windows", status->index_windows);
    index = with_number(index, "nearTokens", status->near_tokens);
    return with_number(index, "seconds", status->index_seconds);
}

static cJSON *write_model(const struct lsp_status *status)
{
    cJSON *model = with_text(cJSON_CreateObject(), "name", status->model);
    model = with_text(model, "path", status->path);
    model = with_text(model, "architecture", status->architecture);
    model = with_text(model, "weightType", status->weight_type);
    model = with_text(model, "kernels", status->kernels);
    model = with_number(model, "parameters", status->parameters);
    model = with_number(model, "sessionBytes", status->session_bytes);
    model = with_number(model, "context", status->context);
    model = with_number(model, "warmSequences", status->warm);
    return with_number(model, "loadMs", status->load_ms);
}

static cJSON *write_timings(const struct lsp_status *status)
{
    cJSON *timings = with_number(cJSON_CreateObject(), "prepareMs", status->prepare_ms);
    timings = with_number(timings, "prefillMs", status->prefill_ms);
    timings = with_number(timings, "decodeMs", status->decode_ms);
    timings = with_number(timings, "totalMs", status->total_ms);
    timings = with_number(timings, "promptTokens", status->prompt_tokens);
    timings = with_number(timings, "cachedTokens", status->cached_tokens);
    timings = with_number(timings, "contextTokens", status->context_tokens);
    return with_number(timings, "generatedTokens", status->generated_tokens);
}

cJSON *lsp_write_status(const struct lsp_status *status, const struct lsp_named_count *counts,
                        size_t n)
{
    cJSON *result = with_text(cJSON_CreateObject(), "version", ESPALIER_VERSION);
    result = with_text(result, "state", status->state);
    result = with_text(result, "message", status->message);
    result = with(result, "shared", cJSON_CreateBool(status->shared));
    result = with(result, "model", status->model ? write_model(status) : cJSON_CreateNull());
    result = with_number(result, "documents", (double)status->documents);
    result = with_number(result, "documentsWithoutTree", (double)status->plain_documents);
    result = with_number(result, "openRequests", (double)status->open_requests);
    result = with_number(result, "longestTurnMs", status->longest_turn_ms);
    result = with_number(result, "longestTurnComputingMs", status->longest_computing_ms);
    result = with(result, "lastCompletion", write_timings(status));
    cJSON *filter = with_number(cJSON_CreateObject(), "hiddenBelow", status->hidden_below);
    result = with(result, "filter", with_number(filter, "outcomes", status->learned_from));
    result = with(result, "index", write_index(status));
    cJSON *counters = cJSON_CreateObject();
    for (size_t i = 0; i < n; i++)
        counters = with_number(counters, counts[i].name, (double)counts[i].value);
    return with(result, "counters", counters);
}
