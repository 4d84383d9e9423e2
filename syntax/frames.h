/* frames.h: the nodes around a place in a tree, with the tokens they start at. Private to
 * syntax/. */
#ifndef ESPALIER_SYNTAX_FRAMES_H
#define ESPALIER_SYNTAX_FRAMES_H

#include "syntax/bytes.h"
#include "syntax/document.h"

/* How offsets of a tree translate to offsets of the document: the tree's text has
 * `filling` bytes where the document has [start, end). */
struct syn_mapping {
    uint32_t start, end, filling;
};

enum { SYN_BEFORE_WINDOW = -1, SYN_IN_FILLING = -2 };

/* One open node. */
struct syn_frame {
    TSNode node;
    uint32_t start, end; /* bytes of the tree's text */
    uint32_t child;      /* children of it that start before the present place */
    int32_t token;       /* index of its start token, or one of the two above */
    int32_t outer;       /* frame of the next level out, -1 at the outermost */
    uint32_t level;      /* distinct start tokens from the root to here */
    uint8_t kind;
};

struct syn_frames {
    TSTreeCursor cursor;
    const struct syn_tables *tables;
    struct syn_mapping mapping;
    const struct syn_span *spans; /* tokens, ascending */
    const uint32_t *anchors;      /* [count]; UINT32_MAX for white space */
    size_t count;
    struct syn_frame *frame; /* outermost first */
    size_t depth, capacity;  /* at most the depth of the tree, which is below its bytes */
    bool at_child;           /* the cursor is at a child of the top frame, not at its node */
};

bool syn_frames_begin(struct syn_frames *f, const TSTree *tree, const struct syn_tables *tables,
                      struct syn_mapping mapping, const struct syn_span *spans,
                      const uint32_t *anchors, size_t count);
void syn_frames_end(struct syn_frames *f);

/* Moves on to byte `at` of the tree's text (never back): afterwards the frames are the
 * nodes with start <= at < end. False when memory ran out. */
bool syn_frames_move(struct syn_frames *f, uint32_t at);

/* The record of the token at whose anchor the frames stand; its segment is left 0. */
void syn_frames_read(const struct syn_frames *f, int32_t token, struct syn_record *out);

/* First byte of the span that is no white space, UINT32_MAX when there is none. */
uint32_t syn_anchor(const char *text, struct syn_span span);

#endif
