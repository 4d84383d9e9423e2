/* The definitions of a text: one walk over the tree for outlines and for symbols.
 *
 * Owns which nodes are definitions, what is a member of what, and where the walk goes down: into
 * blocks, groups and conditional parts of the file, into a class for its members, never into a
 * function. It resolves nothing and judges nothing; that is for those who asked.
 */
#include "syntax/members.h"
#include "syntax/middle.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_MEMBERS = 16384,
    GROUP_NODES = 8,  /* looked at for whether a node is a mere group */
    LOAD_BYTES = 240, /* of a call that loads a file */
};

static void visit(struct syn_members *m, TSNode node, struct syn_scope scope);

static int32_t add(struct syn_members *m, TSNode node, uint8_t kind, const struct syn_scope *scope)
{
    if (m->count == MAX_MEMBERS) return -1;
    if (m->count == m->capacity) {
        size_t capacity = m->capacity ? m->capacity * 2 : 512;
        struct syn_member *grown = realloc(m->list, capacity * sizeof *grown);
        if (!grown) {
            m->failed = true;
            return -1;
        }
        m->list = grown;
        m->capacity = capacity;
    }
    m->list[m->count] = (struct syn_member){.node = node,
                                            .start = ts_node_start_byte(node),
                                            .end = syn_trimmed_end(m->doc, node),
                                            .members = UINT32_MAX,
                                            .owner = scope->owner,
                                            .kind = kind,
                                            .enclosing = scope->enclosing,
                                            .local = scope->local};
    struct syn_member *owner = scope->owner >= 0 ? &m->list[scope->owner] : NULL;
    if (owner && owner->members == UINT32_MAX) owner->members = ts_node_start_byte(node);
    return (int32_t)m->count++;
}

static bool enter(struct syn_members *m, TSNode node)
{
    if (ts_node_start_byte(node) < m->from)
        return ts_tree_cursor_goto_first_child_for_byte(&m->cursor, m->from) >= 0;
    return ts_tree_cursor_goto_first_child(&m->cursor);
}

/* Cursor at node: visits its children that end before the place. */
static void visit_children(struct syn_members *m, TSNode node, struct syn_scope scope)
{
    if (scope.nesting++ == SYN_MEMBERS_NESTING || !enter(m, node)) return;
    do {
        TSNode child = ts_tree_cursor_current_node(&m->cursor);
        if (ts_node_start_byte(child) >= m->to) break;
        if (ts_node_end_byte(child) <= m->to) visit(m, child, scope);
    } while (!m->failed && ts_tree_cursor_goto_next_sibling(&m->cursor));
    ts_tree_cursor_goto_parent(&m->cursor);
}

/* Cursor at node, a definition that has been added: visits its members. What is written on
 * its first line is part of it; what starts below is a member, as is all in its block. Only a
 * block is a scope of its own: what is merely grouped stands in the scope that holds the group. */
static void visit_members(struct syn_members *m, TSNode node, struct syn_scope scope)
{
    uint32_t row = ts_node_start_point(node).row;
    if (scope.nesting++ == SYN_MEMBERS_NESTING || !enter(m, node)) return;
    do {
        TSNode child = ts_tree_cursor_current_node(&m->cursor);
        uint8_t kind = syn_kind_of(m->doc->tables, child);
        bool below = ts_node_start_point(child).row > row;
        struct syn_scope inside = scope;
        inside.enclosing = false;
        if (kind == GRAM_KIND_BLOCK)
            visit_children(m, child, inside);
        else if (below && (syn_kind_defines(kind) || kind == GRAM_KIND_PREPROC))
            visit(m, child, scope);
        else if (syn_kind_defines(kind) && kind != GRAM_KIND_FUNCTION && syn_spans_lines(child) &&
                 !(kind == GRAM_KIND_DECLARATION && syn_is_function(&m->definitions, child)))
            visit_members(m, child, scope);
    } while (!m->failed && ts_tree_cursor_goto_next_sibling(&m->cursor));
    ts_tree_cursor_goto_parent(&m->cursor);
}

/* Some grammars have a node around all definitions of a scope, or all imports: it starts with
 * one, and the next thing in it is another. */
bool syn_members_is_group(const struct syn_members *m, TSNode node, uint8_t kind)
{
    if (kind != GRAM_KIND_DECLARATION && kind != GRAM_KIND_IMPORT) return false;
    TSNode first = ts_node_named_child(node, 0);
    if (ts_node_is_null(first) || ts_node_start_byte(first) != ts_node_start_byte(node) ||
        !syn_kind_defines(syn_kind_of(m->doc->tables, first)))
        return false;
    for (uint32_t i = 1; i < GROUP_NODES; i++) {
        TSNode next = ts_node_named_child(node, i);
        if (ts_node_is_null(next)) break;
        uint8_t other = syn_kind_of(m->doc->tables, next);
        if (other == GRAM_KIND_COMMENT || other == GRAM_KIND_PREPROC) continue;
        return syn_kind_defines(other) &&
               ts_node_start_point(next).row > ts_node_start_point(first).row;
    }
    return true;
}

/* True when the first named child of a statement is an assignment. */
static bool assigns(const struct syn_members *m, TSNode statement)
{
    TSNode child = ts_node_named_child(statement, 0);
    return !ts_node_is_null(child) && syn_kind_of(m->doc->tables, child) == GRAM_KIND_ASSIGN;
}

static bool has_name(struct syn_members *m, TSNode node)
{
    return m->definitions.name &&
           !ts_node_is_null(ts_node_child_by_field_id(node, m->definitions.name));
}

/* Definitions that stand in it count as members of what holds it: a suite, a conditional part
 * of the file, what an error left over. */
static bool is_transparent(uint8_t kind, const struct syn_scope *scope)
{
    switch (kind) {
    case GRAM_KIND_BLOCK:
    case GRAM_KIND_ERROR:
    case GRAM_KIND_PREPROC:
        return true;
    case GRAM_KIND_IF:
    case GRAM_KIND_TRY:
        return !scope->local;
    default:
        return false;
    }
}

/* A call that names another file as its import: the tables of kinds cannot tell. */
static bool is_load(const struct syn_members *m, TSNode node, uint8_t kind)
{
    static const char words[] = "require require_relative require_once include include_once source "
                                "load autoload import dofile loadfile";
    const char *text = m->doc->text;
    uint32_t start = ts_node_start_byte(node), end = ts_node_end_byte(node), len;
    if (kind == GRAM_KIND_PREPROC)
        return !ts_node_is_null(ts_node_child_by_field_name(node, "path", 4));
    if (kind != GRAM_KIND_CALL && kind != GRAM_KIND_STATEMENT && kind != GRAM_KIND_ASSIGN &&
        kind != GRAM_KIND_DECLARATION)
        return false;
    if (end - start > LOAD_BYTES) return false;
    if (kind == GRAM_KIND_CALL && end - start > 2 && text[start] == '.' && text[start + 1] == ' ')
        return true; /* a shell's */
    bool quoted = false;
    for (uint32_t i = start; i < end; i++)
        quoted |= text[i] == '"' || text[i] == '\'';
    uint32_t from = start;
    if (kind != GRAM_KIND_CALL && kind != GRAM_KIND_STATEMENT) {
        while (from < end && text[from] != '=')
            from++;
        from++;
    }
    while (from < end && syn_is_space(text[from]))
        from++;
    for (len = 0; from + len < end && syn_is_word(text[from + len]);)
        len++;
    bool shell = kind == GRAM_KIND_CALL && len == 6 && memcmp(text + from, "source", 6) == 0;
    return from < end && len > 0 && (quoted || shell) && syn_one_of(text + from, len, words);
}

/* Cursor at node, which ends before the place. */
static void visit(struct syn_members *m, TSNode node, struct syn_scope scope)
{
    uint8_t kind = syn_kind_of(m->doc->tables, node);
    if (m->loads && is_load(m, node, kind)) {
        add(m, node, GRAM_KIND_IMPORT, &scope);
        return;
    }
    if (kind == GRAM_KIND_ASSIGN || (kind == GRAM_KIND_STATEMENT && assigns(m, node))) {
        add(m, node, GRAM_KIND_ASSIGN, &scope);
        return;
    }
    bool lines = syn_spans_lines(node);
    if (is_transparent(kind, &scope)) {
        size_t n = m->count;
        if (lines) visit_children(m, node, scope);
        bool macro = kind == GRAM_KIND_PREPROC && m->count == n && has_name(m, node);
        if (macro) add(m, node, kind, &scope);
        return;
    }
    if (!syn_kind_defines(kind)) return;
    if (lines && syn_members_is_group(m, node, kind)) {
        visit_children(m, node, scope);
        return;
    }
    int32_t index = add(m, node, syn_kind_defined(&m->definitions, node), &scope);
    if (index < 0 || !lines || kind == GRAM_KIND_FUNCTION) return;
    if (kind == GRAM_KIND_DECLARATION && syn_is_function(&m->definitions, node)) return;
    scope.owner = index;
    visit_members(m, node, scope);
}

void syn_members_walk(struct syn_members *m, TSNode node, struct syn_scope scope, uint32_t from,
                      uint32_t to)
{
    m->from = from;
    m->to = to;
    ts_tree_cursor_reset(&m->cursor, node);
    visit_children(m, node, scope);
}

/* The names that the member itself defines: a group of definitions has none. */
size_t syn_members_names(struct syn_members *m, const struct syn_member *member,
                         struct syn_span names[SYN_DEFINITION_NAMES])
{
    size_t n = syn_names_of(&m->definitions, member->node, names), kept = 0;
    for (size_t i = 0; i < n; i++)
        if (names[i].start < member->members) names[kept++] = names[i];
    return kept;
}

void syn_members_begin(struct syn_members *m, const struct syn_document *doc, TSNode root)
{
    *m = (struct syn_members){.doc = doc, .cursor = ts_tree_cursor_new(root)};
    syn_definitions_begin(&m->definitions, doc, root);
}

void syn_members_end(struct syn_members *m)
{
    syn_definitions_end(&m->definitions);
    ts_tree_cursor_delete(&m->cursor);
    free(m->list);
    m->list = NULL;
}
