/* What a tree says of its nodes: sameness, purity, control flow, uses of a name.
 *
 * All of it is told from kinds (grammars/<language>/kinds) and tokens, so that one function serves
 * all languages. There are no types and no aliases here; where those would be needed the answer is
 * the one that drops a finding.
 */
#include "syntax/facts.h"

#include <string.h>

enum { MAX_CHILDREN = 2000, MAX_DEPTH = 200 }; /* children with what is between them */

static uint8_t kind_of(const struct syn_document *doc, TSNode node)
{
    return syn_kind_of(doc->tables, node);
}

bool syn_text_is(const struct syn_document *doc, TSNode node, const char *text, uint32_t len)
{
    uint32_t start = ts_node_start_byte(node), end = ts_node_end_byte(node);
    return end - start == len && memcmp(doc->text + start, text, len) == 0;
}

bool syn_same_text(const struct syn_document *doc, TSNode a, TSNode b)
{
    uint32_t start = ts_node_start_byte(b);
    return syn_text_is(doc, a, doc->text + start, ts_node_end_byte(b) - start);
}

/* ---- Walking ----------------------------------------------------------------------- */

/* To the next node in document order that is not below the present one; false past the root. */
static bool step_over(TSTreeCursor *cursor, uint32_t *depth)
{
    while (!ts_tree_cursor_goto_next_sibling(cursor)) {
        if (*depth == 0 || !ts_tree_cursor_goto_parent(cursor)) return false;
        (*depth)--;
    }
    return *depth > 0;
}

static bool step_into(TSTreeCursor *cursor, uint32_t *depth)
{
    if (ts_tree_cursor_goto_first_child(cursor)) {
        (*depth)++;
        return true;
    }
    return *depth > 0 && step_over(cursor, depth);
}

bool syn_each_node(TSNode root, syn_node_visit visit, void *user)
{
    TSTreeCursor cursor = ts_tree_cursor_new(root);
    uint32_t depth = 0;
    bool more = true, done = true;
    while (more && (done = visit(ts_tree_cursor_current_node(&cursor), user)))
        more = step_into(&cursor, &depth);
    ts_tree_cursor_delete(&cursor);
    return done;
}

bool syn_each_node_within(TSNode root, struct syn_span within, syn_node_visit visit, void *user)
{
    TSTreeCursor cursor = ts_tree_cursor_new(root);
    uint32_t depth = 0;
    bool more = true, done = true;
    while (more && done) {
        TSNode node = ts_tree_cursor_current_node(&cursor);
        bool touches =
            ts_node_start_byte(node) <= within.end && ts_node_end_byte(node) >= within.start;
        if (ts_node_start_byte(node) > within.end) break;
        done = !touches || visit(node, user);
        more = touches ? step_into(&cursor, &depth) : depth > 0 && step_over(&cursor, &depth);
    }
    ts_tree_cursor_delete(&cursor);
    return done;
}

/* ---- Tokens ------------------------------------------------------------------------ */

/* A leaf, or a string: not all that it holds needs to be a node. */
static bool is_token(const struct syn_document *doc, TSNode node)
{
    return ts_node_child_count(node) == 0 || kind_of(doc, node) == GRAM_KIND_STRING;
}

/* Moves to the next token that is no comment; first: the present node may be it. */
static bool next_token(const struct syn_document *doc, TSTreeCursor *cursor, uint32_t *depth,
                       bool first)
{
    bool leave = !first && is_token(doc, ts_tree_cursor_current_node(cursor));
    bool more =
        first || (leave ? *depth > 0 && step_over(cursor, depth) : step_into(cursor, depth));
    while (more) {
        TSNode node = ts_tree_cursor_current_node(cursor);
        if (kind_of(doc, node) == GRAM_KIND_COMMENT)
            more = *depth > 0 && step_over(cursor, depth);
        else if (is_token(doc, node))
            return true;
        else
            more = step_into(cursor, depth);
    }
    return false;
}

bool syn_same_tokens(const struct syn_document *doc, TSNode a, TSNode b)
{
    TSTreeCursor at = ts_tree_cursor_new(a), bt = ts_tree_cursor_new(b);
    uint32_t a_depth = 0, b_depth = 0;
    bool same = true, a_more = true, b_more = true;
    for (bool first = true; same && a_more && b_more; first = false) {
        a_more = next_token(doc, &at, &a_depth, first);
        b_more = next_token(doc, &bt, &b_depth, first);
        same = a_more == b_more && (!a_more || syn_same_text(doc, ts_tree_cursor_current_node(&at),
                                                             ts_tree_cursor_current_node(&bt)));
    }
    ts_tree_cursor_delete(&at);
    ts_tree_cursor_delete(&bt);
    return same;
}

/* ---- Purity, emptiness, comments --------------------------------------------------- */

static bool is_pure_node(TSNode node, void *user)
{
    static const char *const doing[] = {"++", "--", "await", "yield", "new", "<-", "go", "!"};
    const struct syn_document *doc = user;
    const char *type = ts_node_type(node);
    uint8_t kind = kind_of(doc, node);
    if (kind == GRAM_KIND_CALL || kind == GRAM_KIND_ASSIGN || kind == GRAM_KIND_FUNCTION)
        return false;
    if (ts_node_is_named(node))
        return !strstr(type, "update") && !strstr(type, "await") && !strstr(type, "yield") &&
               !strstr(type, "call") && !strstr(type, "invocation") && !strstr(type, "macro") &&
               !strstr(type, "creation") && !strstr(type, "substitution") &&
               !strstr(type, "assignment");
    for (size_t i = 0; i + 1 < sizeof doing / sizeof *doing; i++) /* "!" negates: pure */
        if (strcmp(type, doing[i]) == 0) return false;
    return true;
}

bool syn_is_pure(const struct syn_document *doc, TSNode node)
{
    return syn_each_node(node, is_pure_node, (void *)(uintptr_t)doc);
}

bool syn_is_empty(const struct syn_document *doc, TSNode node)
{
    uint32_t n = ts_node_named_child_count(node);
    for (uint32_t i = 0; i < n; i++)
        if (kind_of(doc, ts_node_named_child(node, i)) != GRAM_KIND_COMMENT) return false;
    return true;
}

/* But for comments. */
static bool has_one_part(const struct syn_document *doc, TSNode node)
{
    uint32_t n = ts_node_named_child_count(node), parts = 0;
    for (uint32_t i = 0; i < n && parts < 2; i++)
        parts += kind_of(doc, ts_node_named_child(node, i)) != GRAM_KIND_COMMENT;
    return parts == 1;
}

bool syn_is_alone(const struct syn_document *doc, TSNode node)
{
    TSNode at = ts_node_parent(node);
    while (!ts_node_is_null(at) && has_one_part(doc, at))
        at = ts_node_parent(at);
    uint8_t kind = ts_node_is_null(at) ? GRAM_KIND_FILE : kind_of(doc, at);
    return kind == GRAM_KIND_IF || kind == GRAM_KIND_TRY || kind == GRAM_KIND_SWITCH;
}

static bool is_no_comment(TSNode node, void *user)
{
    return kind_of(user, node) != GRAM_KIND_COMMENT;
}

/* A comment that ends on the line above the one that the node starts on, or in front of it there.
 */
static bool is_commented_above(const struct syn_document *doc, TSNode node)
{
    uint32_t row = ts_node_start_point(node).row;
    for (TSNode at = node; !ts_node_is_null(at); at = ts_node_parent(at)) {
        if (ts_node_start_point(at).row != row) return false;
        TSNode before = ts_node_prev_sibling(at);
        if (!ts_node_is_null(before) && kind_of(doc, before) == GRAM_KIND_COMMENT &&
            ts_node_end_point(before).row + 1 >= row)
            return true;
    }
    return false;
}

bool syn_is_commented(const struct syn_document *doc, TSNode node)
{
    if (is_commented_above(doc, node)) return true;
    if (!syn_each_node(node, is_no_comment, (void *)(uintptr_t)doc)) return true;
    uint32_t row = ts_node_end_point(node).row;
    for (TSNode at = node; !ts_node_is_null(at); at = ts_node_parent(at)) {
        if (ts_node_end_point(at).row != row) break;
        TSNode next = ts_node_next_sibling(at);
        while (!ts_node_is_null(next) && ts_node_start_point(next).row == row) {
            if (kind_of(doc, next) == GRAM_KIND_COMMENT) return true;
            next = ts_node_next_sibling(next);
        }
    }
    return false;
}

/* ---- Control flow ------------------------------------------------------------------ */

static bool is_no_return(const struct syn_document *doc, TSNode call)
{
    static const char *const names[] = {
        "exit",     "_exit", "abort",        "die",     "panic",     "panic!",      "sys.exit",
        "os._exit", "fail",  "process.exit", "error",   "raise",     "System.exit", "err",
        "errx",     "throw", "unreachable!", "os.Exit", "log.Fatal", "exit!"};
    TSNode callee = ts_node_child(call, 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (syn_text_is(doc, callee, names[i], (uint32_t)strlen(names[i]))) return true;
    return false;
}

/* The last named child that is no comment; null when there is none. */
static TSNode last_child(const struct syn_document *doc, TSNode node)
{
    for (uint32_t n = ts_node_named_child_count(node); n > 0; n--) {
        TSNode child = ts_node_named_child(node, n - 1);
        if (kind_of(doc, child) != GRAM_KIND_COMMENT) return child;
    }
    return (TSNode){0};
}

static bool ends(const struct syn_document *doc, TSNode node, bool calls, unsigned depth);

/* All branches of an if that has an else end. */
static bool if_ends(const struct syn_document *doc, TSNode node, bool calls, unsigned depth)
{
    TSNode then = ts_node_child_by_field_name(node, "consequence", 11);
    TSNode other = ts_node_child_by_field_name(node, "alternative", 11);
    if (ts_node_is_null(then)) then = ts_node_child_by_field_name(node, "body", 4);
    if (ts_node_is_null(then) || ts_node_is_null(other)) return false;
    TSNode last =
        last_child(doc, node); /* of several else branches the last one is the plain one */
    if (!ts_node_eq(last, other) && kind_of(doc, last) == GRAM_KIND_IF) return false;
    return ends(doc, then, calls, depth) && ends(doc, other, calls, depth);
}

static bool ends(const struct syn_document *doc, TSNode node, bool calls, unsigned depth)
{
    const char *type = ts_node_type(node);
    uint8_t kind = kind_of(doc, node);
    if (depth == MAX_DEPTH) return false;
    if (kind == GRAM_KIND_JUMP) return !strstr(type, "yield") && !strstr(type, "defer");
    if (kind == GRAM_KIND_CALL && calls) return is_no_return(doc, node);
    TSNode last = last_child(doc, node);
    if (ts_node_is_null(last)) return false;
    if (kind == GRAM_KIND_BLOCK) return ends(doc, last, calls, depth + 1);
    if (kind == GRAM_KIND_IF) {
        bool branch = strncmp(type, "else", 4) == 0 && !strstr(type, "if");
        return branch ? ends(doc, last, calls, depth + 1) : if_ends(doc, node, calls, depth + 1);
    }
    bool wraps = kind == GRAM_KIND_STATEMENT || strcmp(type, "expression_statement") == 0;
    return wraps && ts_node_named_child_count(node) == 1 && ends(doc, last, calls, depth + 1);
}

bool syn_ends(const struct syn_document *doc, TSNode node, bool calls)
{
    return ends(doc, node, calls, 0);
}

/* ---- Names ------------------------------------------------------------------------- */

struct uses {
    const struct syn_document *doc;
    TSNode name;
    bool members;                         /* those as an object of a member are fine */
    const struct syn_argument *functions; /* [n], those as an argument of them as well */
    uint32_t n;
};

/* Is it the object of a member, or of a method's call? */
static bool is_object(const struct syn_document *doc, TSNode node, TSNode parent)
{
    if (kind_of(doc, parent) == GRAM_KIND_MEMBER) return ts_node_eq(ts_node_child(parent, 0), node);
    return ts_node_eq(ts_node_child_by_field_name(parent, "receiver", 8), node);
}

/* Is it asked whether there is something at all? */
static bool is_tested(const struct syn_document *doc, TSNode parent)
{
    uint8_t kind = kind_of(doc, parent);
    TSNode sign = ts_node_child(parent, kind == GRAM_KIND_BINARY ? 1 : 0);
    if (kind == GRAM_KIND_BINARY)
        return syn_text_is(doc, sign, "==", 2) || syn_text_is(doc, sign, "!=", 2);
    if (kind == GRAM_KIND_UNARY) return syn_text_is(doc, sign, "!", 1);
    uint8_t around = kind_of(doc, ts_node_parent(parent));
    return kind == GRAM_KIND_PAREN && (around == GRAM_KIND_IF || around == GRAM_KIND_LOOP);
}

static bool is_passed(const struct uses *u, TSNode parent)
{
    if (kind_of(u->doc, parent) != GRAM_KIND_ARGUMENTS) return false;
    TSNode callee = ts_node_child(ts_node_parent(parent), 0);
    for (uint32_t i = 0; i < u->n; i++)
        if (syn_text_is(u->doc, callee, u->functions[i].word, u->functions[i].len)) return true;
    return false;
}

/* Returns false at another occurrence of the name that counts. */
static bool is_no_use(TSNode node, void *user)
{
    const struct uses *u = user;
    if (ts_node_is_error(node) || ts_node_is_missing(node)) return false;
    if (ts_node_child_count(node) > 0 || !syn_same_text(u->doc, node, u->name)) return true;
    if (ts_node_eq(node, u->name)) return true;
    if (!u->members) return false;
    TSNode parent = ts_node_parent(node);
    return is_object(u->doc, node, parent) ||
           (u->n > 0 && (is_tested(u->doc, parent) || is_passed(u, parent)));
}

bool syn_is_unread(const struct syn_document *doc, TSNode name, TSNode scope)
{
    struct uses uses = {.doc = doc, .name = name};
    return syn_each_node(scope, is_no_use, &uses);
}

bool syn_stays(const struct syn_document *doc, TSNode name, TSNode scope,
               const struct syn_argument *functions, uint32_t n)
{
    struct uses uses = {doc, name, true, functions, n};
    return syn_each_node(scope, is_no_use, &uses);
}

/* ---- Repetition -------------------------------------------------------------------- */

/* The child of `container` that holds the node. */
static TSNode child_of(TSNode container, TSNode node)
{
    for (TSNode parent = ts_node_parent(node); !ts_node_is_null(parent);
         node = parent, parent = ts_node_parent(node))
        if (ts_node_eq(parent, container)) return node;
    return (TSNode){0};
}

/* Are these named children in the same place, by their fields? */
static bool same_field(TSNode a, TSNode b, uint32_t index)
{
    const char *x = ts_node_field_name_for_named_child(a, index);
    const char *y = ts_node_field_name_for_named_child(b, index);
    return (!x && !y) || (x && y && strcmp(x, y) == 0);
}

/* A child of a container, and where in it what is looked for lies. */
struct place {
    TSNode child, node;
    bool whole; /* the node is the child */
    uint32_t index, children;
};

/* Is what other has in this place the same? */
static bool repeats(const struct syn_document *doc, const struct place *p, TSNode other)
{
    if (ts_node_symbol(other) != ts_node_symbol(p->child)) return false;
    if (p->whole) return syn_same_tokens(doc, p->node, other);
    return p->index < ts_node_named_child_count(other) &&
           ts_node_named_child_count(other) == p->children &&
           same_field(p->child, other, p->index) &&
           syn_same_tokens(doc, p->node, ts_node_named_child(other, p->index));
}

bool syn_find_earlier(const struct syn_document *doc, TSNode node, TSNode container, TSNode *out)
{
    struct place p = {.child = child_of(container, node), .node = node};
    if (ts_node_is_null(p.child)) return false;
    p.children = ts_node_named_child_count(p.child);
    p.whole = ts_node_eq(p.child, node);
    while (!p.whole && p.index < p.children &&
           !ts_node_eq(ts_node_named_child(p.child, p.index), node))
        p.index++;
    if (!p.whole && p.index == p.children) return false; /* further down: no place to compare */
    TSTreeCursor cursor = ts_tree_cursor_new(container);
    bool more = ts_tree_cursor_goto_first_child(&cursor), found = false;
    for (uint32_t i = 0; more && !found && i < MAX_CHILDREN; i++) {
        TSNode other = ts_tree_cursor_current_node(&cursor);
        if (ts_node_eq(other, p.child)) break;
        found = ts_node_is_named(other) && repeats(doc, &p, other);
        if (found) *out = p.whole ? other : ts_node_named_child(other, p.index);
        more = ts_tree_cursor_goto_next_sibling(&cursor);
    }
    ts_tree_cursor_delete(&cursor);
    return found;
}

struct binding {
    const struct syn_document *doc;
    TSNode name;
};

static bool is_other_name(TSNode node, void *user)
{
    const struct binding *b = user;
    return ts_node_child_count(node) > 0 || !syn_same_text(b->doc, node, b->name);
}

/* The first such name from a byte on: is it bound anew there? */
struct later {
    struct binding binding;
    uint32_t from;
    bool bound;
};

static bool is_not_later(TSNode node, void *user)
{
    struct later *later = user;
    if (ts_node_start_byte(node) < later->from || is_other_name(node, &later->binding)) return true;
    TSNode left = ts_node_child_by_field_name(ts_node_parent(node), "left", 4);
    later->bound = !ts_node_is_null(left) && ts_node_eq(left, node);
    return false;
}

bool syn_rebinds_outer(const struct syn_document *doc, TSNode name, const char *field, uint32_t len)
{
    TSNode at = ts_node_parent(name);
    while (!ts_node_is_null(at) && kind_of(doc, at) != GRAM_KIND_LOOP)
        at = ts_node_parent(at);
    if (ts_node_is_null(at)) return false;
    struct later later = {{doc, name}, ts_node_end_byte(at), false};
    for (at = ts_node_parent(at); !ts_node_is_null(at); at = ts_node_parent(at)) {
        uint8_t kind = kind_of(doc, at);
        if (kind == GRAM_KIND_FUNCTION || kind == GRAM_KIND_CLASS) return false;
        if (kind != GRAM_KIND_LOOP) continue;
        TSNode bound = ts_node_child_by_field_name(at, field, len);
        if (!ts_node_is_null(bound) && !syn_each_node(bound, is_other_name, &later.binding))
            return !syn_each_node(at, is_not_later, &later) && !later.bound;
    }
    return false;
}
