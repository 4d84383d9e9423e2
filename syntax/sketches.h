/* sketches.h: what a sketch is made of. Private to syntax/. */
#ifndef ESPALIER_SYNTAX_SKETCHES_H
#define ESPALIER_SYNTAX_SKETCHES_H

#include "syntax/document.h"
#include "syntax/predicate.h"
#include "syntax/sketch.h"

enum { SYN_SKETCH_NO_NAME = -1, SYN_SKETCH_FORGOTTEN = -2 /* $_ and $$$ */ };

struct syn_sketch_node {
    TSSymbol symbol;
    bool named;
    bool stands; /* for a node of the text, or for many */
    bool many;
    int name;             /* of what it stands for, or SYN_SKETCH_FORGOTTEN */
    uint32_t text, len;   /* of a leaf: bytes of the sketch's text */
    uint32_t first, kids; /* children, in a row */
};

/* What a predicate may speak of beside names. */
enum {
    SYN_SKETCH_MATCH = SYN_SKETCH_NAMES,
    SYN_SKETCH_FUNCTION,
    SYN_SKETCH_FILE,
    SYN_SKETCH_PARTS
};

/* Predicates, and what their captures are. */
struct syn_sketch_where {
    TSQuery *query; /* owns the predicates' words; NULL: there are none */
    struct syn_predicate *list;
    uint32_t n;
    int parts[SYN_PATTERN_CAPTURES]; /* by capture: a name's number or one of the above */
};

struct syn_sketch {
    const struct gram_language *lang;
    char *text; /* with placeholders, in its context */
    struct syn_sketch_node *nodes;
    uint32_t n_nodes, capacity; /* node 0 is the root */
    bool sequence;              /* the root's children are neighbours, anywhere */
    char *names[SYN_SKETCH_NAMES];
    bool many[SYN_SKETCH_NAMES];
    size_t n_names;
    struct syn_sketch_where where;
};

void syn_sketch_where_free(struct syn_sketch_where *where);

#endif
