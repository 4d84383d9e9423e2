/* hole.h: what a hole is made of. Private to syntax/. */
#ifndef ESPALIER_SYNTAX_HOLE_H
#define ESPALIER_SYNTAX_HOLE_H

#include "syntax/excerpt.h"
#include "syntax/frames.h"

#include "syntax/filling.h"

struct syn_hole {
    struct syn_document *doc; /* a copy of the document that was handed in */
    uint32_t start, end;      /* bytes of it */
    TSTree *tree;             /* its text with the filling in the hole */
    char filling[SYN_MAX_FILLING];
    uint32_t filling_length;
    uint32_t cost;
    struct syn_excerpt *excerpt; /* its text is NULL until it is needed */
    uint32_t excerpt_cost;       /* of the excerpt with the filling in its hole */
};

/* The same hole made wider, [start, end), for its tree alone: *out borrows the document. What
 * stands in the hole is seen no more than before. A filling is looked for only where an error
 * holds `place`, a byte in front of it, and not for long: an outline needs to know what is open
 * there, not each node. Where parsing takes long (errors in a large text) *out has the tree of
 * the hole as it was. Release *out either way. */
enum syn_status syn_hole_widen(const struct syn_hole *hole, uint32_t start, uint32_t end,
                               uint32_t place, struct syn_hole *out, struct syn_error *err);
void syn_hole_release(struct syn_hole *hole);

static inline struct syn_mapping syn_hole_mapping(const struct syn_hole *hole)
{
    return (struct syn_mapping){hole->start, hole->end, hole->filling_length};
}

/* Features of n_prefix tokens before and n_suffix tokens after the mapping's gap. */
enum syn_status syn_tree_features(const struct syn_document *doc, const TSTree *tree,
                                  struct syn_mapping mapping, const struct syn_span *spans,
                                  size_t n_prefix, size_t n_suffix, struct syn_record *out,
                                  struct syn_error *err);

#endif
