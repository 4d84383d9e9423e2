/* Excerpts: what a parser has to see to tell one filling of a hole from another.
 *
 * Asking the parser about a dozen fillings costs a dozen parses, and in a text with errors
 * each of them re-parses every region that has one: milliseconds, in every broken file.
 * But whether a filling fits is decided nearby. So the question is put to an excerpt: the
 * document without the complete statements, members and definitions that are far from the
 * hole, at every level of the nodes around it. Headers, openers and closers of the enclosing
 * nodes stay, so the excerpt is a well-formed text if the document is one.
 *
 * Something is left out only where the grammar allows a list of such things (a file, a
 * block, and what an ERROR node has collected), and only if it is whole: without errors,
 * or at least with balanced brackets. A lone closer that an ERROR node holds far away is
 * kept: it may be what the hole's filling has to open.
 */
#include "syntax/excerpt.h"

#include <stdlib.h>
#include <string.h>

enum {
    NEAR_CHILDREN = 2, /* siblings kept on either side of the hole */
    NEAR_BYTES = 300,  /* unless they are longer than this */
    MAX_CUTS = 256,
};

struct cut {
    uint32_t from, to; /* bytes of the text without the hole */
};

struct cutter {
    const struct syn_document *doc;
    uint32_t start, end;           /* the hole, in the document */
    uint32_t line_start, line_end; /* of the hole's line, in the text without the hole */
    struct cut cuts[MAX_CUTS];
    size_t count;
};

static char byte_at(const struct cutter *c, uint32_t at)
{
    return c->doc->text[at < c->start ? at : at - c->start + c->end];
}

static bool is_list(uint8_t kind)
{
    return kind == GRAM_KIND_FILE || kind == GRAM_KIND_BLOCK || kind == GRAM_KIND_ERROR ||
           kind == GRAM_KIND_PREPROC || kind == GRAM_KIND_SWITCH || kind == GRAM_KIND_CLASS;
}

static bool is_item(uint8_t kind)
{
    switch (kind) {
    case GRAM_KIND_FUNCTION:
    case GRAM_KIND_CLASS:
    case GRAM_KIND_DECLARATION:
    case GRAM_KIND_STATEMENT:
    case GRAM_KIND_IF:
    case GRAM_KIND_LOOP:
    case GRAM_KIND_SWITCH:
    case GRAM_KIND_TRY:
    case GRAM_KIND_JUMP:
    case GRAM_KIND_IMPORT:
    case GRAM_KIND_COMMENT:
    case GRAM_KIND_PREPROC:
        return true;
    default:
        return false;
    }
}

static bool is_balanced(const struct cutter *c, uint32_t from, uint32_t to)
{
    int round = 0, square = 0, curly = 0;
    for (uint32_t i = from; i < to; i++) {
        switch (byte_at(c, i)) {
        case '(':
            round++;
            break;
        case ')':
            round--;
            break;
        case '[':
            square++;
            break;
        case ']':
            square--;
            break;
        case '{':
            curly++;
            break;
        case '}':
            curly--;
            break;
        default:
            break;
        }
        if (round < 0 || square < 0 || curly < 0) return false;
    }
    return round == 0 && square == 0 && curly == 0;
}

/* May this child of a list be left out? */
static bool is_whole(const struct cutter *c, TSNode node)
{
    uint32_t from = ts_node_start_byte(node), to = ts_node_end_byte(node);
    if (to <= from || !ts_node_is_named(node)) return false;
    if (ts_node_is_error(node)) return to - from > 8 && is_balanced(c, from, to);
    if (!is_item(syn_kind_of(c->doc->tables, node))) return false;
    return !ts_node_has_error(node) || is_balanced(c, from, to);
}

static void leave_out(struct cutter *c, TSNode node, bool joins)
{
    uint32_t from = ts_node_start_byte(node), to = ts_node_end_byte(node);
    if (from < c->line_end && to > c->line_start) return;
    if (joins && c->count > 0)
        c->cuts[c->count - 1].to = to;
    else if (c->count < MAX_CUTS)
        c->cuts[c->count++] = (struct cut){from, to};
}

/* Goes through the children of the cursor's node, leaves out what is far, and finds the
 * child around the hole. */
static bool cut_children(struct cutter *c, TSTreeCursor *cursor, bool list, TSNode *around)
{
    TSNode before[NEAR_CHILDREN];
    size_t n_before = 0, n_after = 0;
    bool joins = false, found = false;
    if (!ts_tree_cursor_goto_first_child(cursor)) return false;
    do {
        TSNode child = ts_tree_cursor_current_node(cursor);
        uint32_t from = ts_node_start_byte(child), to = ts_node_end_byte(child);
        if (from < c->start && to > c->start) {
            *around = child;
            found = true;
            if (!list) break;
        }
        if (!list) continue;
        if (to <= c->start) {
            if (n_before == NEAR_CHILDREN) {
                bool cut = is_whole(c, before[0]);
                if (cut) leave_out(c, before[0], joins);
                joins = cut;
                memmove(before, before + 1, sizeof before - sizeof *before);
                n_before--;
            }
            before[n_before++] = child;
            continue;
        }
        if (n_before > 0) { /* at the hole: what is near goes only when it is long */
            for (size_t i = 0; i < n_before; i++)
                if (ts_node_end_byte(before[i]) - ts_node_start_byte(before[i]) > NEAR_BYTES &&
                    is_whole(c, before[i]))
                    leave_out(c, before[i], false);
            n_before = 0;
            joins = false;
        }
        if (from < c->start) continue;
        bool cut = (n_after++ >= NEAR_CHILDREN || to - from > NEAR_BYTES) && is_whole(c, child);
        size_t count = c->count;
        if (cut) leave_out(c, child, joins);
        joins = cut && (joins || c->count > count);
    } while (ts_tree_cursor_goto_next_sibling(cursor));
    return found;
}

static int by_start(const void *a, const void *b)
{
    const struct cut *x = a, *y = b;
    return x->from < y->from ? -1 : x->from > y->from;
}

static void find_cuts(struct cutter *c, const TSTree *empty)
{
    TSNode node = ts_tree_root_node(empty);
    TSTreeCursor cursor = ts_tree_cursor_new(node);
    for (bool root = true, more = true; more; root = false) {
        bool list = root || is_list(syn_kind_of(c->doc->tables, node));
        more = cut_children(c, &cursor, list, &node);
        if (more) ts_tree_cursor_reset(&cursor, node);
    }
    ts_tree_cursor_delete(&cursor);
    qsort(c->cuts, c->count, sizeof *c->cuts, by_start);
}

/* Copies bytes [from, to) of the text without the hole. */
static void copy_bytes(const struct cutter *c, struct syn_excerpt *out, uint32_t from, uint32_t to)
{
    if (from < c->start) {
        uint32_t end = to < c->start ? to : c->start;
        memcpy(out->text + out->length, c->doc->text + from, end - from);
        out->length += end - from;
        from = end;
    }
    if (from == c->start) out->hole = out->length;
    if (from < to) {
        memcpy(out->text + out->length, c->doc->text + from - c->start + c->end, to - from);
        out->length += to - from;
    }
}

static bool copy_kept(const struct cutter *c, struct syn_excerpt *out)
{
    uint32_t total = (uint32_t)c->doc->length - (c->end - c->start), kept = total, at = 0;
    for (size_t i = 0; i < c->count; i++)
        kept -= c->cuts[i].to - c->cuts[i].from;
    out->text = malloc((size_t)kept + 1);
    if (!out->text) return false;
    for (size_t i = 0; i < c->count; i++) {
        copy_bytes(c, out, at, c->cuts[i].from);
        at = c->cuts[i].to;
    }
    copy_bytes(c, out, at, total);
    out->text[out->length] = 0;
    return true;
}

/* Does the tree hold an ERROR or MISSING node that ends before this byte? */
static bool has_error_before(const TSTree *tree, uint32_t at)
{
    TSTreeCursor cursor = ts_tree_cursor_new(ts_tree_root_node(tree));
    bool found = false;
    for (;;) {
        TSNode node = ts_tree_cursor_current_node(&cursor);
        if (ts_node_start_byte(node) >= at) break;
        bool error = ts_node_is_error(node) || ts_node_is_missing(node);
        if (error && ts_node_end_byte(node) < at) {
            found = true;
            break;
        }
        if (ts_node_has_error(node) && ts_tree_cursor_goto_first_child(&cursor)) continue;
        bool more;
        while (!(more = ts_tree_cursor_goto_next_sibling(&cursor)))
            if (!ts_tree_cursor_goto_parent(&cursor)) break;
        if (!more) break;
    }
    ts_tree_cursor_delete(&cursor);
    return found;
}

bool syn_excerpt_make(struct syn_excerpt *out, TSParser *parser, const struct syn_document *doc,
                      uint32_t start, uint32_t end, const TSTree *empty)
{
    *out = (struct syn_excerpt){.stop = doc->stop};
    size_t line = syn_lines_find(&doc->lines, start);
    size_t last = syn_lines_find(&doc->lines, end);
    struct cutter *cutter = malloc(sizeof *cutter);
    if (!cutter) return false;
    cutter->doc = doc;
    cutter->start = start;
    cutter->end = end;
    cutter->line_start = (uint32_t)syn_line_start(doc, line);
    cutter->line_end = (uint32_t)(syn_line_end(doc, last) - (end - start));
    cutter->count = 0;
    find_cuts(cutter, empty);
    bool copied = copy_kept(cutter, out);
    free(cutter);
    if (!copied) return false;

    for (uint32_t i = 0; i < out->hole; i++) {
        out->hole_point.column++;
        if (out->text[i] == '\n') out->hole_point = (TSPoint){out->hole_point.row + 1, 0};
    }
    struct syn_pieces pieces = {
        .text = {out->text}, .length = {out->length}, .count = 1, .stop = out->stop};
    out->tree = syn_parse_pieces(parser, NULL, &pieces);
    if (!out->tree) {
        syn_excerpt_free(out);
        return false;
    }
    out->cost = syn_tree_cost(out->tree);
    out->clean_before = !has_error_before(out->tree, out->hole);
    return true;
}

void syn_excerpt_free(struct syn_excerpt *excerpt)
{
    if (excerpt->tree) ts_tree_delete(excerpt->tree);
    free(excerpt->text);
    *excerpt = (struct syn_excerpt){0};
}

TSTree *syn_excerpt_try(const struct syn_excerpt *excerpt, TSParser *parser, const char *text,
                        size_t len, bool early, uint32_t *steps, uint32_t *reached)
{
    TSTree *old = ts_tree_copy(excerpt->tree);
    if (!old) return NULL;
    syn_tree_replace(old, excerpt->hole, excerpt->hole_point, excerpt->hole, excerpt->hole_point,
                     text, len);
    struct syn_pieces pieces = {.text = {excerpt->text, text, excerpt->text + excerpt->hole},
                                .length = {excerpt->hole, len, excerpt->length - excerpt->hole},
                                .count = 3,
                                .stop = excerpt->stop};
    /* An error flag that is set before the hole tells nothing about what is in it. */
    bool stops = early && excerpt->clean_before;
    struct syn_limit limit = {.error_from = stops ? excerpt->hole : UINT32_MAX, .steps = steps};
    TSTree *tree = syn_parse_limited(parser, old, &pieces, &limit);
    *reached = limit.reached;
    ts_tree_delete(old);
    return tree;
}
