/* What is wrong with a tree, as a number; and the tree as text.
 *
 * The number follows the parser's own idea of how bad an error is (a charge for every
 * ERROR and MISSING node and for every byte skipped), from what its public interface
 * shows. Only subtrees that hold an error are entered, so a clean tree costs nothing.
 */
#include "syntax/document.h"

enum { CHARGE_ERROR = 100, CHARGE_MISSING = 110 };

/* Goes to the node after this one, not into it; false at the end of the tree. */
static bool step_over(TSTreeCursor *cursor)
{
    while (!ts_tree_cursor_goto_next_sibling(cursor))
        if (!ts_tree_cursor_goto_parent(cursor)) return false;
    return true;
}

uint32_t syn_tree_cost(const TSTree *tree)
{
    TSNode root = ts_tree_root_node(tree);
    if (!ts_node_has_error(root)) return 0;
    TSTreeCursor cursor = ts_tree_cursor_new(root);
    uint64_t cost = 0;
    for (bool more = true; more;) {
        TSNode node = ts_tree_cursor_current_node(&cursor);
        if (ts_node_is_missing(node)) {
            cost += CHARGE_MISSING;
        } else if (ts_node_is_error(node)) {
            cost += CHARGE_ERROR + ts_node_end_byte(node) - ts_node_start_byte(node);
        } else if (ts_node_has_error(node) && ts_tree_cursor_goto_first_child(&cursor)) {
            continue;
        }
        more = step_over(&cursor);
    }
    ts_tree_cursor_delete(&cursor);
    return cost > UINT32_MAX ? UINT32_MAX : (uint32_t)cost;
}

uint32_t syn_document_cost(const struct syn_document *doc)
{
    return doc->tree ? syn_tree_cost(doc->tree) : 0;
}

static bool visit_node(const struct syn_document *doc, TSTreeCursor *cursor, uint32_t depth,
                       syn_visit visit, void *user)
{
    TSNode at = ts_tree_cursor_current_node(cursor);
    struct syn_node node = {.type = ts_node_type(at),
                            .field = ts_tree_cursor_current_field_name(cursor),
                            .start = ts_node_start_byte(at),
                            .end = ts_node_end_byte(at),
                            .depth = depth,
                            .kind = syn_kind_of(doc->tables, at),
                            .named = ts_node_is_named(at),
                            .error = ts_node_is_error(at),
                            .missing = ts_node_is_missing(at)};
    return visit(&node, user);
}

void syn_document_walk(const struct syn_document *doc, syn_visit visit, void *user)
{
    if (!doc->tree) return;
    TSTreeCursor cursor = ts_tree_cursor_new(ts_tree_root_node(doc->tree));
    uint32_t depth = 0;
    while (visit_node(doc, &cursor, depth, visit, user)) {
        if (ts_tree_cursor_goto_first_child(&cursor)) {
            depth++;
            continue;
        }
        bool next;
        while (!(next = ts_tree_cursor_goto_next_sibling(&cursor)) && depth > 0) {
            ts_tree_cursor_goto_parent(&cursor);
            depth--;
        }
        if (!next) break;
    }
    ts_tree_cursor_delete(&cursor);
}
