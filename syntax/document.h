/* document.h: what a document is made of. Private to syntax/. */
#ifndef ESPALIER_SYNTAX_DOCUMENT_H
#define ESPALIER_SYNTAX_DOCUMENT_H

#include "syntax/lines.h"
#include "syntax/syntax.h"
#include "syntax/tables.h"

/* Growth of the text buffer stops here: the text and its zero byte. */
#define SYN_TEXT_CAPACITY ((size_t)SYN_MAX_BYTES + 1)

struct syn_document {
    const struct gram_language *lang; /* NULL: text and lines only */
    char *text;                       /* [length], then a zero byte */
    size_t length, capacity;
    struct syn_lines lines;
    struct syn_tables tables;
    TSParser *parser; /* of the document's own tree; may hold a parse that timed out */
    TSParser *probe;  /* of trees that are only asked about: holes, candidates */
    TSTree *tree;     /* of the text at the last parse, with later edits applied; or NULL */
    bool parsed;      /* tree describes the present text */
};

/* Writes the message, when there is a place for it, and returns the status. */
enum syn_status syn_fail(struct syn_error *err, enum syn_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ERROR/MISSING cost of a tree. */
uint32_t syn_tree_cost(const TSTree *tree);

/* A text put together from pieces, as a source for the parser. */
#define SYN_MAX_PIECES 4
struct syn_pieces {
    const char *text[SYN_MAX_PIECES];
    size_t length[SYN_MAX_PIECES];
    size_t count;
};

/* Parses the pieces on the document's probe parser; NULL when memory ran out or the
 * language is not supported. old may be NULL. */
TSTree *syn_probe_parse(const struct syn_document *doc, const TSTree *old,
                        const struct syn_pieces *pieces);

/* Tells a tree of this document's text (or of a text that agrees with it up to old_end in
 * bytes before `start` and in rows) that bytes [start, old_end) became insert. old_point is
 * the position of old_end; *new_point receives the position after the insertion. */
void syn_tree_replace(TSTree *tree, uint32_t start, TSPoint start_point, uint32_t old_end,
                      TSPoint old_point, const char *insert, size_t insert_len, TSPoint *new_point);

TSPoint syn_point_at(const struct syn_document *doc, size_t offset);

#endif
