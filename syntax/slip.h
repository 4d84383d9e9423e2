/* slip.h: where a small mistake is easily made, and what would stand there without it.
 *
 * A slip is one edit that the tree allows at a place: another local name, another operator, two
 * arguments exchanged. On right code a slip makes the mistake that people make; on wrong code one
 * of the slips at the place undoes it, as all classes are closed under undoing. Which slips are
 * likely is not the tree's to say. Public beside syntax.h; the same rules of threads, ownership and
 * errors hold.
 */
#ifndef ESPALIER_SYNTAX_SLIP_H
#define ESPALIER_SYNTAX_SLIP_H

#include "syntax/syntax.h"

/* The numbers are part of calibrations: append, never renumber. */
enum syn_slip_class {
    SYN_SLIP_NAME = 0,   /* of a use of a local name: another one that is visible there */
    SYN_SLIP_COPY,       /* in a statement like the one before it with some names changed: the
                            changed name at a place that was left as it was, and the other way
                            round where it was changed in several places */
    SYN_SLIP_OPERATOR,   /* + and -, * and /, && and ||, & and |, << and >>, += and -= */
    SYN_SLIP_COMPARISON, /* < and <=, < and >, == and != ... */
    SYN_SLIP_LITERAL,    /* a number one more or less; true and false */
    SYN_SLIP_ARGUMENTS,  /* two neighbours of a call exchanged */
    SYN_SLIP_CONDITION,  /* a negation more or less */
    SYN_SLIP_CLASSES
};

#define SYN_SLIP_NAMES    6 /* other names at a place at most: those last used before it */
#define SYN_SLIP_PER_TEXT 200000
#define SYN_SLIP_TEXT_MAX 200 /* bytes of what would stand there */

struct syn_slip {
    struct syn_span place; /* what would be replaced; empty: something is put in before it */
    uint32_t text, len;    /* what would stand there: bytes of `texts` */
    int32_t function;      /* of `functions`, the innermost; -1: none */
    uint8_t class;         /* enum syn_slip_class */
};

struct syn_slips {
    struct syn_slip *list; /* by the start of place; at one place by class */
    size_t count, capacity;
    char *texts;
    size_t texts_len, texts_capacity;
    struct syn_span *functions; /* in the order of their starts; those inside follow */
    size_t n_functions, functions_capacity;
};

/* "name", "copy", "operator" ... */
const char *syn_slip_class_name(unsigned class);

/* All slips of a parsed document whose places overlap [start, end), none in nodes with syntax
 * errors. Without a tree: none. *out is freed by the caller, whatever comes back. SYN_CANCELLED
 * when the document's stop flag was set. */
enum syn_status syn_slips_find(const struct syn_document *doc, size_t start, size_t end,
                               struct syn_slips *out, struct syn_error *err);
void syn_slips_free(struct syn_slips *slips);

#endif
