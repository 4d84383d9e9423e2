/* JSON-RPC decoding and the reading of LSP's params: any bytes may come. What is accepted
 * has to agree with cJSON, ids have to come back as they were, and answers that we build
 * from what was read have to be messages themselves. */
#include "lsp/server/json.h"
#include "lsp/server/protocol.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check(bool condition)
{
    if (!condition) abort();
}

/* Every reader has to cope with the params of every method. */
static void read_params(struct lsp_message *message)
{
    struct lsp_error err = {""};
    struct lsp_initialize_params initialize;
    struct lsp_open_params open;
    struct lsp_change_params change;
    struct lsp_completion_params completion;
    struct lsp_folders_params folders;
    const char *text;
    if (lsp_read_initialize(message, &initialize, &err)) {
        lsp_read_options(&initialize);
        check(initialize.folder_count <= LSP_MAX_FOLDERS);
    }
    if (lsp_read_open(message, &open, &err)) check(lsp_utf8_is_valid(open.text, strlen(open.text)));
    if (lsp_read_change(message, &change, &err))
        for (size_t i = 0; i < change.count; i++)
            check(change.changes[i].text != NULL);
    lsp_read_uri(message, &text, &err);
    lsp_read_completion(message, &completion, &err);
    lsp_read_folders(message, &folders, &err);
    lsp_read_settings(message);
    lsp_read_configuration_answer(message);
    lsp_read_accepted_length(message);
    if (message->params_text && lsp_read_cancel(message, &text, &err))
        check(strlen(text) <= LSP_MAX_ID);
}

/* Our own output is read back: it has to be well-formed and carry the same id. */
static void check_output(char *body, const char *id, enum lsp_message_kind kind)
{
    struct lsp_message message;
    struct lsp_error err;
    enum lsp_code code;
    bool answer;
    check(body != NULL);
    check(lsp_message_decode(&message, body, strlen(body), &code, &answer, &err));
    check(message.kind == kind && strcmp(message.id, id) == 0);
    lsp_message_free(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lsp_message message;
    struct lsp_error err = {""};
    enum lsp_code code;
    bool answer;
    char *text = malloc(size + 1);
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = 0;
    bool ok = lsp_message_decode(&message, text, size, &code, &answer, &err);
    if (ok) {
        /* The checker is stricter than cJSON, never laxer. */
        cJSON *parsed = cJSON_ParseWithLength(message.text, size);
        check(cJSON_IsObject(parsed));
        cJSON_Delete(parsed);
        check(lsp_utf8_is_valid(message.method, strlen(message.method)));
        if (message.params) read_params(&message);
        check_output(lsp_encode_result(message.id, NULL), message.id, LSP_RESPONSE);
    } else {
        check(strlen(err.text) > 0 && lsp_utf8_is_valid(err.text, strlen(err.text)));
        check(code == LSP_PARSE_ERROR || code == LSP_INVALID_REQUEST);
        check_output(lsp_encode_error(message.id, code, err.text), message.id, LSP_RESPONSE);
    }
    lsp_message_free(&message);
    return 0;
}
