/* rpc.c: JSON-RPC decoding and encoding.
 *
 * The checker of json.c runs first, so that cJSON, which is lenient, only ever sees text
 * that is known to be well-formed, bounded in depth, and free of what a C string cannot
 * hold. cJSON then parses the one member that is wanted. The text is kept for as long as
 * the message, as ids are copied from it and not from parsed numbers.
 */
#include "lsp/server/rpc.h"

#include "lsp/server/json.h"

#include <stdlib.h>
#include <string.h>

#define MAX_METHOD 256u

/* What a message may hold beside its text and params. */
#define ARENA_MAX (1024u * 1024u)

struct members {
    const struct lsp_json_member *version, *id, *method, *params, *result, *error;
};

static bool is_text(const struct lsp_json_member *member, const char *json)
{
    return member && member->value_len == strlen(json) &&
           memcmp(member->value, json, member->value_len) == 0;
}

static bool find_members(const struct lsp_json_outline *outline, struct members *out,
                         struct lsp_error *err)
{
    bool twice = false;
    *out = (struct members){
        .version = lsp_json_find(outline, "jsonrpc", &twice),
        .id = lsp_json_find(outline, "id", &twice),
        .method = lsp_json_find(outline, "method", &twice),
        .params = lsp_json_find(outline, "params", &twice),
        .result = lsp_json_find(outline, "result", &twice),
        .error = lsp_json_find(outline, "error", &twice),
    };
    if (twice) return lsp_fail(err, "message has a member twice");
    if (outline->more)
        return lsp_fail(err, "message has more than %u members", LSP_JSON_MAX_MEMBERS);
    return true;
}

static bool keep_id(struct lsp_message *message, const struct lsp_json_member *id,
                    struct lsp_error *err)
{
    if (id->type != LSP_JSON_NUMBER && id->type != LSP_JSON_STRING)
        return lsp_fail(err, "id is neither a number nor a string");
    if (id->value_len > LSP_MAX_ID)
        return lsp_fail(err, "id has %zu bytes, at most %u are kept", id->value_len, LSP_MAX_ID);
    const char *copy = lsp_arena_copy(&message->arena, id->value, id->value_len);
    if (!copy) return lsp_fail(err, "out of memory");
    message->id = copy;
    return true;
}

static bool keep_method(struct lsp_message *message, const struct lsp_json_member *method,
                        struct lsp_error *err)
{
    if (method->type != LSP_JSON_STRING || method->value_len > MAX_METHOD)
        return lsp_fail(err, "method is not a string of at most %u bytes", MAX_METHOD);
    cJSON *parsed = cJSON_ParseWithLength(method->value, method->value_len);
    const char *text = cJSON_GetStringValue(parsed);
    const char *copy = text ? lsp_arena_copy(&message->arena, text, strlen(text)) : NULL;
    cJSON_Delete(parsed);
    if (!copy) return lsp_fail(err, "out of memory");
    message->method = copy;
    return true;
}

static bool parse_member(struct lsp_message *message, const struct lsp_json_member *member,
                         struct lsp_error *err)
{
    message->parsed = cJSON_ParseWithLength(member->value, member->value_len);
    return message->parsed ||
           lsp_fail(err, "out of memory for %zu bytes of JSON", member->value_len);
}

static bool decode_call(struct lsp_message *message, const struct members *m, struct lsp_error *err)
{
    message->kind = m->id ? LSP_REQUEST : LSP_NOTIFICATION;
    if (m->id && !keep_id(message, m->id, err)) return false;
    if (!is_text(m->version, "\"2.0\"")) return lsp_fail(err, "member jsonrpc is not \"2.0\"");
    if (!keep_method(message, m->method, err)) return false;
    if (m->result || m->error)
        return lsp_fail(err, "message has a method and a result or an error");
    if (!m->params || m->params->type == LSP_JSON_NULL) return true;
    if (m->params->type != LSP_JSON_OBJECT && m->params->type != LSP_JSON_ARRAY)
        return lsp_fail(err, "params are neither an object nor an array");
    if (!parse_member(message, m->params, err)) return false;
    message->params = message->parsed;
    message->params_text = m->params->value;
    message->params_len = m->params->value_len;
    return true;
}

static bool decode_response(struct lsp_message *message, const struct members *m,
                            struct lsp_error *err)
{
    message->kind = LSP_RESPONSE;
    if (!m->id) return lsp_fail(err, "response without id");
    if (m->id->type != LSP_JSON_NULL && !keep_id(message, m->id, err)) return false;
    if (m->result && m->error && m->error->type != LSP_JSON_NULL)
        return lsp_fail(err, "response with both a result and an error");
    const struct lsp_json_member *value = m->result ? m->result : m->error;
    if (!parse_member(message, value, err)) return false;
    message->params = message->parsed;
    if (m->result) return true;
    message->is_error = true;
    const cJSON *code = cJSON_GetObjectItemCaseSensitive(message->parsed, "code");
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(message->parsed, "message");
    message->error_code = cJSON_IsNumber(code) ? code->valueint : 0;
    message->error_message = cJSON_IsString(text) ? text->valuestring : "";
    return true;
}

bool lsp_message_decode(struct lsp_message *message, char *text, size_t len, enum lsp_code *code,
                        bool *answer, struct lsp_error *err)
{
    *message = (struct lsp_message){
        .kind = LSP_REQUEST, .id = "null", .method = "", .error_message = "", .text = text};
    lsp_arena_init(&message->arena, ARENA_MAX);
    struct lsp_json_outline outline;
    *answer = true;
    *code = LSP_PARSE_ERROR;
    if (!lsp_json_check(text, len, &outline, err)) return false;
    *code = LSP_INVALID_REQUEST;
    if (outline.type == LSP_JSON_ARRAY)
        return lsp_fail(err, "batches are not part of LSP: send one message at a time");
    if (outline.type != LSP_JSON_OBJECT) return lsp_fail(err, "message is no JSON object");
    struct members members;
    if (!find_members(&outline, &members, err)) return false;
    if (members.method) {
        *answer = members.id != NULL;
        return decode_call(message, &members, err);
    }
    if (members.result || members.error) {
        *answer = false;
        return decode_response(message, &members, err);
    }
    if (members.id) keep_id(message, members.id, NULL);
    return lsp_fail(err, "message has no method, result or error");
}

void lsp_message_free(struct lsp_message *message)
{
    cJSON_Delete(message->parsed);
    lsp_arena_free(&message->arena);
    free(message->text);
    *message = (struct lsp_message){.kind = LSP_NOTIFICATION, .id = "null", .method = ""};
}

/* ---- Encoding ---------------------------------------------------------------------- */

/* Prints and frees envelope; NULL when any part of it could not be made. */
static char *print(cJSON *envelope, bool complete)
{
    char *text = complete ? cJSON_PrintUnformatted(envelope) : NULL;
    cJSON_Delete(envelope);
    return text;
}

/* Adds item, which may be NULL when it could not be made; frees it when it cannot be added. */
static bool add(cJSON *object, const char *name, cJSON *item)
{
    if (item && cJSON_AddItemToObjectCS(object, name, item)) return true;
    cJSON_Delete(item);
    return false;
}

char *lsp_encode_result(const char *id, cJSON *result)
{
    cJSON *envelope = cJSON_CreateObject();
    bool ok = add(envelope, "jsonrpc", cJSON_CreateString("2.0"));
    ok &= add(envelope, "id", cJSON_CreateRaw(id));
    ok &= add(envelope, "result", result ? result : cJSON_CreateNull());
    return print(envelope, ok);
}

char *lsp_encode_error(const char *id, enum lsp_code code, const char *text)
{
    cJSON *envelope = cJSON_CreateObject();
    cJSON *error = cJSON_CreateObject();
    bool ok = add(envelope, "jsonrpc", cJSON_CreateString("2.0"));
    ok &= add(envelope, "id", cJSON_CreateRaw(id));
    ok &= add(error, "code", cJSON_CreateNumber(code));
    ok &= add(error, "message", cJSON_CreateString(text));
    ok &= add(envelope, "error", error);
    return print(envelope, ok);
}

char *lsp_encode_notification(const char *method, cJSON *params)
{
    cJSON *envelope = cJSON_CreateObject();
    bool ok = add(envelope, "jsonrpc", cJSON_CreateString("2.0"));
    ok &= add(envelope, "method", cJSON_CreateString(method));
    ok &= !params || add(envelope, "params", params);
    return print(envelope, ok);
}

char *lsp_encode_request(uint64_t id, const char *method, cJSON *params)
{
    char number[32];
    snprintf(number, sizeof number, "%llu", (unsigned long long)id);
    cJSON *envelope = cJSON_CreateObject();
    bool ok = add(envelope, "jsonrpc", cJSON_CreateString("2.0"));
    ok &= add(envelope, "id", cJSON_CreateRaw(number));
    ok &= add(envelope, "method", cJSON_CreateString(method));
    ok &= !params || add(envelope, "params", params);
    return print(envelope, ok);
}
