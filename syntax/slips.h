/* slips.h: the walk that finds slips, and what its parts share. Private to syntax/. */
#ifndef ESPALIER_SYNTAX_SLIPS_H
#define ESPALIER_SYNTAX_SLIPS_H

#include "syntax/definition.h"
#include "syntax/facts.h"
#include "syntax/slip.h"
#include "syntax/visible.h"

#define SYN_SLIP_DEPTH   400 /* levels of the tree; deeper nodes are passed over */
#define SYN_SLIP_NESTING 32  /* functions in each other */

struct syn_slips_walk {
    const struct syn_document *doc;
    struct syn_slips *out;
    uint32_t from, to; /* bytes that places have to overlap */
    struct syn_visible visible;
    struct syn_step path[SYN_SLIP_DEPTH]; /* root first */
    TSNode before[SYN_SLIP_DEPTH];        /* the named sibling in front of a step, or null */
    size_t depth;
    int32_t function[SYN_SLIP_NESTING]; /* those around, outermost first */
    size_t n_functions;
    bool failed; /* memory ran out */
};

void syn_slips_add(struct syn_slips_walk *w, enum syn_slip_class class, struct syn_span place,
                   const char *text, size_t len);

/* The copy slips of the statement at the end of the path. */
void syn_slips_copy(struct syn_slips_walk *w);

#endif
