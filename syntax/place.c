/* Is the cursor in code, in a string or in a comment?
 *
 * Read off the repaired hole's tree: the innermost string or comment around the cursor, unless code
 * that is put into a string (`"${x}"`, f"{x}") holds it. Grammars name such code differently, but
 * all begin it with a mark of its own that opens a bracket. A string that is a statement by itself
 * is documentation, as in Python, and so a comment.
 */
#include "syntax/hole.h"

#include <string.h>

/* Nodes looked at on the way from the root to the cursor; more are a table, and in code. */
enum { MAX_NODES = 10000 };

/* A comment to the line's end goes on behind a cursor at its end. */
static bool is_open_comment(const struct syn_hole *hole, TSNode node, uint32_t start)
{
    const char *mark = hole->doc->lang->line_comment;
    return syn_kind_of(hole->doc->tables, node) == GRAM_KIND_COMMENT && mark &&
           strncmp(hole->doc->text + start, mark, strlen(mark)) == 0 &&
           strncmp(hole->doc->text + start, "/*", 2) != 0;
}

/* `${`, `#{`, `{`, `$(`, `\(` in front of what a string takes from code; `{{` is a character. */
static bool is_put_in(const struct syn_hole *hole, TSNode node)
{
    if (ts_node_child_count(node) == 0) return false;
    TSNode first = ts_node_child(node, 0);
    uint32_t start = ts_node_start_byte(first), end = ts_node_end_byte(first);
    if (end > hole->start || end == start || end - start > 2) return false;
    const char *mark = hole->doc->text + start;
    char last = mark[end - start - 1];
    return last == '(' || (last == '{' && !(end - start == 2 && mark[0] == '{'));
}

enum syn_place syn_hole_place(const struct syn_hole *hole)
{
    enum syn_place place = SYN_PLACE_CODE;
    if (!hole->tree) return place;
    TSTreeCursor cursor = ts_tree_cursor_new(ts_tree_root_node(hole->tree));
    bool more = true, statement = false; /* the innermost so far is one that has one child */
    for (unsigned n = 0; more && n < MAX_NODES; n++) {
        TSNode node = ts_tree_cursor_current_node(&cursor);
        uint32_t start = ts_node_start_byte(node), end = ts_node_end_byte(node);
        if (start >= hole->start) break;
        if (end > hole->start || (end == hole->start && is_open_comment(hole, node, start))) {
            uint8_t kind = syn_kind_of(hole->doc->tables, node);
            if (kind == GRAM_KIND_COMMENT || (kind == GRAM_KIND_STRING && statement))
                place = SYN_PLACE_COMMENT;
            else if (kind == GRAM_KIND_STRING && place == SYN_PLACE_CODE)
                place = SYN_PLACE_STRING;
            else if (place == SYN_PLACE_STRING && is_put_in(hole, node))
                place = SYN_PLACE_CODE;
            statement = kind == GRAM_KIND_STATEMENT && ts_node_child_count(node) == 1;
        }
        if (end >= hole->start && ts_tree_cursor_goto_first_child(&cursor)) continue;
        while (more && !ts_tree_cursor_goto_next_sibling(&cursor))
            more = ts_tree_cursor_goto_parent(&cursor);
    }
    ts_tree_cursor_delete(&cursor);
    return place;
}
