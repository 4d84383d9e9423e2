/* json.h: is this text JSON, and where are the members of its outermost object?
 *
 * Runs over a message once, before any parser builds something from it. It is strict
 * (RFC 8259, valid UTF-8, nothing after the value) and bounded in depth, so that what
 * follows may be simple. It keeps the spans of the outermost members, as ids have to go
 * back exactly as they came: no number type holds them all.
 *
 * Two escapes that JSON allows and text buffers do not hold are replaced in place:
 * \u0000, which would end a C string, by \u0001, and a lone surrogate, which has no UTF-8
 * form, by \ufffd. Both keep their length in UTF-16 and UTF-32, so the client's positions
 * still hold.
 *
 * Pure; any thread.
 */
#ifndef ESPALIER_SERVER_JSON_H
#define ESPALIER_SERVER_JSON_H

#include "lsp/server/error.h"

#include <stddef.h>

#define LSP_JSON_MAX_DEPTH   128u
#define LSP_JSON_MAX_MEMBERS 16u

enum lsp_json_type {
    LSP_JSON_NULL,
    LSP_JSON_BOOL,
    LSP_JSON_NUMBER,
    LSP_JSON_STRING,
    LSP_JSON_ARRAY,
    LSP_JSON_OBJECT
};

struct lsp_json_member {
    const char *name; /* between the quotes, escapes as written */
    size_t name_len;
    const char *value; /* as written, quotes included */
    size_t value_len;
    enum lsp_json_type type;
};

struct lsp_json_outline {
    enum lsp_json_type type; /* of the whole text */
    size_t count;
    struct lsp_json_member members[LSP_JSON_MAX_MEMBERS]; /* when an object */
    bool more;                                            /* there were more than fit */
};

/* Checks text[len] and fills *out, whose spans point into text. False with a reason and a
 * byte offset when it is not JSON. */
bool lsp_json_check(char *text, size_t len, struct lsp_json_outline *out, struct lsp_error *err);

/* The member of that name; NULL when absent. *twice is set when there are two. */
const struct lsp_json_member *lsp_json_find(const struct lsp_json_outline *outline,
                                            const char *name, bool *twice);

/* True when text[len] is well-formed UTF-8. */
bool lsp_utf8_is_valid(const char *text, size_t len);

#endif
