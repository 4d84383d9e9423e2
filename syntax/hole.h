/* hole.h: what a hole is made of. Private to syntax/. */
#ifndef ESPALIER_SYNTAX_HOLE_H
#define ESPALIER_SYNTAX_HOLE_H

#include "syntax/frames.h"

#define SYN_MAX_FILLING 256

struct syn_hole {
    const struct syn_document *doc;
    uint32_t start, end; /* bytes of the document */
    TSPoint start_point;
    TSTree *empty; /* the text with nothing in the hole */
    TSTree *tree;  /* the text with the filling in the hole; may be the same tree */
    char filling[SYN_MAX_FILLING];
    uint32_t filling_length;
    uint32_t cost;
};

static inline struct syn_mapping syn_hole_mapping(const struct syn_hole *hole)
{
    return (struct syn_mapping){hole->start, hole->end, hole->filling_length};
}

/* A new tree of the document with text in the hole; NULL when memory ran out. */
TSTree *syn_hole_try(const struct syn_hole *hole, const char *text, size_t len);

/* Features of n_prefix tokens before and n_suffix tokens after the mapping's gap. */
enum syn_status syn_tree_features(const struct syn_document *doc, const TSTree *tree,
                                  struct syn_mapping mapping, const struct syn_span *spans,
                                  size_t n_prefix, size_t n_suffix, struct syn_record *out,
                                  struct syn_error *err);

#endif
