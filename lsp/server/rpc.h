/* rpc.h: JSON-RPC 2.0 messages as plain structs.
 *
 * Decoding owns a message whole: its text, its parsed params and everything else that
 * points into them live until lsp_message_free. Encoding returns the bytes of a body,
 * ready to be framed.
 *
 * Ids are kept and sent back as they were written, down to the digit: 1, 1.50, "1" and
 * 123456789012345678901234567890 are four different ids.
 *
 * Batches are part of JSON-RPC but not of LSP: one is refused as a whole.
 *
 * Pure; any thread, one message at a time.
 */
#ifndef ESPALIER_SERVER_RPC_H
#define ESPALIER_SERVER_RPC_H

#include "lsp/server/arena.h"
#include "lsp/server/error.h"

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#define LSP_MAX_ID 512u /* bytes of an id as written */

/* Error codes of JSON-RPC and of LSP. */
enum lsp_code {
    LSP_PARSE_ERROR = -32700,
    LSP_INVALID_REQUEST = -32600,
    LSP_METHOD_NOT_FOUND = -32601,
    LSP_INVALID_PARAMS = -32602,
    LSP_INTERNAL_ERROR = -32603,
    LSP_SERVER_NOT_INITIALIZED = -32002,
    LSP_REQUEST_FAILED = -32803,
    LSP_SERVER_CANCELLED = -32802,
    LSP_CONTENT_MODIFIED = -32801,
    LSP_REQUEST_CANCELLED = -32800
};

enum lsp_message_kind { LSP_REQUEST, LSP_NOTIFICATION, LSP_RESPONSE };

struct lsp_message {
    enum lsp_message_kind kind;
    const char *id;          /* as written; "null" when the sender had none to give */
    const char *method;      /* requests and notifications; "" for responses */
    const cJSON *params;     /* object or array, NULL when absent; a response's result */
    const char *params_text; /* the same as it was written; spans into text */
    size_t params_len;
    bool is_error; /* of a response */
    int error_code;
    const char *error_message; /* "" when the response carries none */
    struct lsp_arena arena;
    char *text;    /* the body, owned */
    cJSON *parsed; /* behind params */
};

/* Takes over text[len] (from malloc), also when it fails. On failure *code says which
 * error to answer with and message->id the id to answer to; *answer is false when the
 * text was a response or a notification, which must not be answered. Free the message in
 * every case. */
bool lsp_message_decode(struct lsp_message *message, char *text, size_t len, enum lsp_code *code,
                        bool *answer, struct lsp_error *err);
void lsp_message_free(struct lsp_message *message);

/* The bodies of what is sent; zero-terminated, freed by the caller with free(), NULL when
 * out of memory. result and params are taken over; a NULL result is sent as null, NULL
 * params are left out. */
char *lsp_encode_result(const char *id, cJSON *result);
char *lsp_encode_error(const char *id, enum lsp_code code, const char *text);
char *lsp_encode_notification(const char *method, cJSON *params);
char *lsp_encode_request(uint64_t id, const char *method, cJSON *params);

#endif
