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
    struct syn_tables *tables; /* NULL without a language */
    TSParser *parser;          /* made when first needed; may hold a parse that timed out */
    TSTree *tree;            /* of the text at the last parse, with later edits applied; or NULL */
    bool parsed;             /* tree describes the present text */
    const _Atomic int *stop; /* not 0: whoever waits has gone; or NULL */
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
    const _Atomic int *stop; /* the document's */
};

/* The document's parser, made if need be; NULL when memory ran out or the grammar's ABI is
 * not supported (err says which). */
TSParser *syn_document_parser(struct syn_document *doc, struct syn_error *err);

static inline bool syn_is_stopped(const _Atomic int *stop)
{
    return stop && *stop != 0;
}

/* The status, or SYN_CANCELLED when the document's flag is set: then no other one is to be relied
 * on, as parses may have ended anywhere. */
enum syn_status syn_unless_stopped(const struct syn_document *doc, enum syn_status status,
                                   struct syn_error *err);

/* Parses the pieces; old may be NULL. NULL when memory ran out, or when stopped. */
TSTree *syn_parse_pieces(TSParser *parser, const TSTree *old, const struct syn_pieces *pieces);

/* How long a parse may go on. */
struct syn_limit {
    uint32_t error_from;     /* an error behind this byte ends it soon; UINT32_MAX: none does */
    uint32_t *steps;         /* taken off for every hundred operations; at 0 it ends */
    uint32_t reached;        /* set to how far the parser came */
    const _Atomic int *stop; /* set to that of the pieces */
};

/* The same within a limit: NULL also when it was met. A tree that does come back may still
 * have errors: short texts end before the parser asks whether to go on. */
TSTree *syn_parse_limited(TSParser *parser, const TSTree *old, const struct syn_pieces *pieces,
                          struct syn_limit *limit);

/* Tells a tree that bytes [start, old_end), at these points, became insert. */
void syn_tree_replace(TSTree *tree, uint32_t start, TSPoint start_point, uint32_t old_end,
                      TSPoint old_point, const char *insert, size_t insert_len);

TSPoint syn_point_at(const struct syn_document *doc, size_t offset);

#endif
