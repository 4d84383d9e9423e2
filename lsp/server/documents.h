/* documents.h: the buffers that the client has open.
 *
 * One entry a URI, compared byte by byte: a client spells a URI the same way every time.
 * Text is UTF-8; the client's positions are turned into bytes here and nowhere else.
 *
 * Trust: a change that cannot be applied (a version that does not go up, a range that is
 * none, a text past the limits) leaves a buffer that differs from the client's. It is kept
 * but no longer trusted, and gets nothing computed from it until a whole text arrives.
 *
 * Belongs to the loop thread.
 */
#ifndef ESPALIER_SERVER_DOCUMENTS_H
#define ESPALIER_SERVER_DOCUMENTS_H

#include "lsp/assist/review/review.h"
#include "lsp/assist/tokens.h"
#include "lsp/server/protocol.h"
#include "lsp/server/shown.h"
#include "syntax/syntax.h"

#define LSP_MAX_DOCUMENTS  4096u
#define LSP_MAX_TOTAL_TEXT (512u * 1024u * 1024u)
/* Above this a buffer is kept as text only. With a tree, a keystroke's answer would take long:
 * repairing the hole at the cursor parses what is around it several times. */
#define LSP_MAX_TREE_TEXT (512u * 1024u)

#define LSP_RESULT_ID_MAX 20u /* bytes, with the zero */

struct lsp_document {
    char *uri;
    int64_t version;   /* the client's */
    uint64_t revision; /* ours: another one after every change, unique in the server */
    bool trusted;
    size_t cursor; /* where the last change ended: the likely place of the next request */
    struct syn_document *syn;
    struct asst_tokens *tokens; /* NULL until needed */
    struct lsp_shown shown;
    bool told_size, told_line; /* the log says that it is beyond a limit */
    struct rev_findings findings;
    uint64_t reviewed;            /* the revision that they are of; 0: none */
    bool review_due;              /* it has changed since a review was asked for */
    bool accepted;                /* the functions it had: the model is asked about others */
    uint64_t review_posted;       /* the revision that a review was asked for last */
    bool has_diagnostics;         /* the client was told of some */
    char told[LSP_RESULT_ID_MAX]; /* the result that a client that asks has; "": none */
};

struct lsp_documents;

struct lsp_documents *lsp_documents_new(void); /* NULL when out of memory */
void lsp_documents_free(struct lsp_documents *documents);

/* Adds a buffer, or replaces the one that is open under the URI. */
bool lsp_documents_open(struct lsp_documents *documents, const struct lsp_open_params *params,
                        struct lsp_document **out, struct lsp_error *err);

/* False when no such buffer was open. */
bool lsp_documents_close(struct lsp_documents *documents, const char *uri);

/* NULL when not open. Valid until the next open or close. */
struct lsp_document *lsp_documents_find(const struct lsp_documents *documents, const char *uri);

/* Applies changes in order. False: the document is not trusted now, err says why. */
bool lsp_documents_change(struct lsp_documents *documents, struct lsp_document *document,
                          const struct lsp_change_params *params, enum syn_encoding encoding,
                          struct lsp_error *err);

/* Parses what is not parsed, for at most budget_us microseconds (0: no limit). True when
 * nothing is left to parse. */
bool lsp_documents_parse(struct lsp_documents *documents, uint64_t budget_us);

/* Frees all token caches: before the model they were made from goes. */
void lsp_documents_drop_tokens(struct lsp_documents *documents);

/* Forgets all suggestions: other settings or another model would make others. */
void lsp_documents_forget_shown(struct lsp_documents *documents);

/* Is it kept without a tree because it is too large for one? */
bool lsp_document_is_plain(const struct lsp_document *document);

size_t lsp_documents_count(const struct lsp_documents *documents);

/* Number i of them; valid until the next open or close. */
struct lsp_document *lsp_documents_at(const struct lsp_documents *documents, size_t i);

/* The file: URI of an absolute path; false when it is too long. */
bool lsp_uri_of_path(const char *path, char *out, size_t capacity);

/* The file's path of a file: URI, decoded, into out; false when it is none or too long. */
bool lsp_path_of_uri(const char *uri, char *out, size_t capacity);

#endif
