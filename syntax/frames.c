/* A stack of open nodes that moves forward through a tree together with the tokens.
 *
 * Owns the tree cursor and the stack. One pass over a window of tokens touches each node
 * of the window once: a step to the next token pops what has ended, walks siblings, and
 * descends by byte offset, so a window in the middle of a large file does not pay for what
 * comes before it.
 *
 * Levels are made here: each frame knows the token that its node starts at, and links to
 * the next frame out that starts at another token. Nodes that start inside the filling of
 * a hole have no token: they are kept on the stack but are nobody's level.
 */
#include "syntax/frames.h"

#include <stdlib.h>

uint32_t syn_anchor(const char *text, struct syn_span span)
{
    for (uint32_t i = span.start; i < span.end; i++)
        if (!syn_is_space(text[i])) return i;
    return UINT32_MAX;
}

/* The token that a node starting at this byte of the tree's text belongs to. */
static int32_t start_token(const struct syn_frames *f, uint32_t start)
{
    const struct syn_mapping *m = &f->mapping;
    if (start >= m->start) {
        if (start < m->start + m->filling) return SYN_IN_FILLING;
        start = start - m->filling - m->start + m->end;
    }
    /* The first token that ends after it; where that is white space, the first after. */
    size_t lo = 0, hi = f->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (f->spans[mid].end <= start)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0 && (f->count == 0 || start < f->spans[0].start)) return SYN_BEFORE_WINDOW;
    /* Text in front of the hole that was left out between two tokens. */
    if (lo > 0 && lo < f->count && start < f->spans[lo].start && f->spans[lo].start < m->start)
        return SYN_BEFORE_WINDOW;
    while (lo < f->count && f->anchors[lo] == UINT32_MAX)
        lo++;
    return lo < f->count ? (int32_t)lo : SYN_IN_FILLING;
}

bool syn_frames_begin(struct syn_frames *f, const TSTree *tree, const struct syn_tables *tables,
                      struct syn_mapping mapping, const struct syn_span *spans,
                      const uint32_t *anchors, size_t count)
{
    *f = (struct syn_frames){.cursor = ts_tree_cursor_new(ts_tree_root_node(tree)),
                             .tables = tables,
                             .mapping = mapping,
                             .spans = spans,
                             .anchors = anchors,
                             .count = count,
                             .capacity = 64};
    f->frame = malloc(f->capacity * sizeof *f->frame);
    if (f->frame) return true;
    ts_tree_cursor_delete(&f->cursor);
    return false;
}

void syn_frames_end(struct syn_frames *f)
{
    ts_tree_cursor_delete(&f->cursor);
    free(f->frame);
    f->frame = NULL;
}

/* Pushes the cursor's node. */
static bool push(struct syn_frames *f, TSNode node)
{
    if (f->depth == f->capacity) {
        size_t capacity = f->capacity * 2;
        struct syn_frame *frame = realloc(f->frame, capacity * sizeof *frame);
        if (!frame) return false;
        f->frame = frame;
        f->capacity = capacity;
    }
    struct syn_frame *top = &f->frame[f->depth];
    *top = (struct syn_frame){.node = node,
                              .start = ts_node_start_byte(node),
                              .end = ts_node_end_byte(node),
                              .outer = -1,
                              .kind = syn_kind_of(f->tables, node)};
    if (f->depth == 0 && top->kind == GRAM_KIND_OTHER) top->kind = GRAM_KIND_FILE;
    top->token = start_token(f, top->start);

    int32_t base = (int32_t)f->depth - 1;
    if (base >= 0 && f->frame[base].token == SYN_IN_FILLING) base = f->frame[base].outer;
    uint32_t level = base >= 0 ? f->frame[base].level : 0;
    bool same = base >= 0 && f->frame[base].token == top->token &&
                (top->token >= 0 || f->frame[base].start == top->start);
    top->outer = same ? f->frame[base].outer : base;
    top->level = same || top->token == SYN_IN_FILLING ? level : level + 1;
    f->depth++;
    return true;
}

/* Puts the cursor on the first child of the top frame that ends after `at`. */
static void enter(struct syn_frames *f, uint32_t at)
{
    struct syn_frame *top = &f->frame[f->depth - 1];
    int64_t index = ts_tree_cursor_goto_first_child_for_byte(&f->cursor, at);
    if (index >= 0) {
        top->child = (uint32_t)index;
        f->at_child = true;
        return;
    }
    top->child = ts_node_child_count(top->node);
    f->at_child = false;
}

bool syn_frames_move(struct syn_frames *f, uint32_t at)
{
    if (f->depth == 0) {
        TSNode root = ts_tree_cursor_current_node(&f->cursor);
        if (at < ts_node_start_byte(root) || at >= ts_node_end_byte(root)) return true;
        if (!push(f, root)) return false;
        enter(f, at);
    }
    for (;;) {
        struct syn_frame *top = &f->frame[f->depth - 1];
        if (top->end <= at) { /* leave it: the cursor goes to its node, a child of the next */
            if (f->at_child) ts_tree_cursor_goto_parent(&f->cursor);
            f->at_child = --f->depth > 0;
            if (f->depth == 0) return true;
            continue;
        }
        if (!f->at_child) return true; /* no further child */
        TSNode child = ts_tree_cursor_current_node(&f->cursor);
        if (ts_node_end_byte(child) <= at) {
            top->child++;
            if (!ts_tree_cursor_goto_next_sibling(&f->cursor)) {
                ts_tree_cursor_goto_parent(&f->cursor);
                f->at_child = false;
            }
            continue;
        }
        if (ts_node_start_byte(child) > at) return true; /* between two children */
        if (!push(f, child)) return false;
        enter(f, at);
    }
}

static uint8_t clamp8(uint32_t n)
{
    return n > 255 ? 255 : (uint8_t)n;
}

void syn_frames_read(const struct syn_frames *f, int32_t token, struct syn_record *out)
{
    *out = (struct syn_record){.chain = {-1, -1, -1, -1, -1, -1, -1, -1}};
    int32_t at = (int32_t)f->depth - 1;
    while (at >= 0 && (f->frame[at].token == token || f->frame[at].token == SYN_IN_FILLING))
        at--;
    if (at < 0) return;
    out->depth = clamp8(f->frame[at].level);
    out->kind = f->frame[at].kind;
    out->sibling = clamp8(f->frame[at].child);
    for (unsigned l = 0; l < SYN_LEVELS && at >= 0; l++, at = f->frame[at].outer)
        out->chain[l] = f->frame[at].token < 0 ? -1 : f->frame[at].token;
}
