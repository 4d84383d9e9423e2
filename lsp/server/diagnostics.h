/* diagnostics.h: findings as LSP's diagnostics and code actions.
 *
 * What is returned is owned by the caller, NULL when out of memory. Pure; any thread. */
#ifndef ESPALIER_SERVER_DIAGNOSTICS_H
#define ESPALIER_SERVER_DIAGNOSTICS_H

#include "lsp/assist/review/review.h"
#include "lsp/server/protocol.h"

/* What a client wants in diagnostics, and what it has use for. */
struct lsp_diagnostic_form {
    enum syn_encoding encoding;
    enum rev_severity least; /* findings of less severity are left out */
    const char *uri;         /* of the document, for other places in it; NULL: none are told */
    const char *rules;       /* URI of the folder with rules' texts (lsp/locate.h), "" for none */
};

/* The findings as a list of diagnostics. */
cJSON *lsp_write_findings(const struct syn_document *doc, const struct rev_findings *findings,
                          const struct lsp_diagnostic_form *form);

/* Params of textDocument/publishDiagnostics; takes the list over. */
cJSON *lsp_write_diagnostics(const char *uri, int64_t version, cJSON *list);

/* The result of textDocument/codeAction for bytes [start, end): for each finding there its fix, all
 * fixes of its kind when there are several, a comment that excuses it, and LSP_EXPLAIN with the
 * document's URI and the finding's code. Edits are of this version of the document. */
cJSON *lsp_write_actions(const char *uri, int64_t version, const struct syn_document *doc,
                         const struct rev_findings *findings, enum rev_severity least, size_t start,
                         size_t end, enum syn_encoding encoding);

/* One TextEdit: bytes of the document become a zero-terminated text. */
cJSON *lsp_write_text_edit(const struct syn_document *doc, struct syn_span span, const char *text,
                           enum syn_encoding encoding);

#endif
