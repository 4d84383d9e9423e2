/* What a tree says of how values and names are used, for predicates: in which places only truth
 * counts, what ends where, what is read later. Told from kinds and tokens, as in facts.c.
 */
#include "syntax/bytes.h"
#include "syntax/facts.h"

#include <string.h>

enum { MAX_DEPTH = 200 };

static uint8_t kind_of(const struct syn_document *doc, TSNode node)
{
    return syn_kind_of(doc->tables, node);
}

bool syn_is_routine(const struct syn_document *doc, TSNode node)
{
    static const char *const declared[] = {
        "function_definition",     "method_declaration",   "constructor_declaration",
        "method_definition",       "accessor_declaration", "compact_constructor_declaration",
        "local_function_statement"};
    const char *type = ts_node_type(node);
    if (kind_of(doc, node) == GRAM_KIND_FUNCTION) return !strstr(type, "declarator");
    for (size_t i = 0; i < sizeof declared / sizeof *declared; i++)
        if (strcmp(type, declared[i]) == 0) return true;
    return false;
}

/* ---- Truth ------------------------------------------------------------------------- */

static bool is_one_of(const struct syn_document *doc, TSNode node, const char *const *words)
{
    for (; *words; words++)
        if (syn_text_is(doc, node, *words, (uint32_t)strlen(*words))) return true;
    return false;
}

static const char *const comparisons[] = {
    "==", "!=",         "===", "!==", "<",  ">",      "<=",     ">=",  "<>",  "~=", "in",
    "is", "instanceof", "=~",  "!~",  "/=", "not in", "is not", "!in", "!is", NULL};
static const char *const junctions[] = {"&&", "||", "and", "or", NULL};
static const char *const negations[] = {"!", "not", NULL};
static const char *const truths[] = {"true", "false", "True", "False", NULL};

/* The first child that is written as one of the words; null: there is none. */
static TSNode sign_of(const struct syn_document *doc, TSNode node, const char *const *words)
{
    uint32_t n = ts_node_child_count(node);
    for (uint32_t i = 0; i < n && i < 8; i++) {
        TSNode child = ts_node_child(node, i);
        if (ts_node_child_count(child) <= 2 && is_one_of(doc, child, words)) return child;
    }
    return (TSNode){0};
}

static bool has_sign(const struct syn_document *doc, TSNode node, const char *const *words)
{
    return !ts_node_is_null(sign_of(doc, node, words));
}

/* Are all operands? */
static bool are_boolean(const struct syn_document *doc, TSNode node,
                        const struct syn_argument *operators, uint32_t n)
{
    uint32_t count = ts_node_named_child_count(node);
    for (uint32_t i = 0; i < count; i++) {
        TSNode child = ts_node_named_child(node, i);
        if (!is_one_of(doc, child, junctions) && !syn_is_boolean(doc, child, operators, n))
            return false;
    }
    return count > 0;
}

bool syn_is_boolean(const struct syn_document *doc, TSNode node,
                    const struct syn_argument *operators, uint32_t n)
{
    uint8_t kind = kind_of(doc, node);
    if (kind == GRAM_KIND_PAREN && ts_node_named_child_count(node) == 1)
        return syn_is_boolean(doc, ts_node_named_child(node, 0), operators, n);
    if (kind == GRAM_KIND_NUMBER || ts_node_child_count(node) == 0)
        return is_one_of(doc, node, truths);
    if (kind == GRAM_KIND_UNARY) return has_sign(doc, node, negations);
    if (kind != GRAM_KIND_BINARY) return false;
    for (uint32_t i = 0; i < n; i++) {
        const char *words[] = {operators[i].word, NULL};
        if (operators[i].word && has_sign(doc, node, words)) return true;
    }
    if (has_sign(doc, node, comparisons)) return true;
    return has_sign(doc, node, junctions) && are_boolean(doc, node, operators, n);
}

static bool is_condition(TSNode node, TSNode parent)
{
    TSNode condition = ts_node_child_by_field_name(parent, "condition", 9);
    return !ts_node_is_null(condition) && ts_node_eq(condition, node);
}

bool syn_is_tested(const struct syn_document *doc, TSNode node)
{
    for (unsigned depth = 0; depth < MAX_DEPTH; depth++) {
        TSNode parent = ts_node_parent(node);
        if (ts_node_is_null(parent)) return false;
        uint8_t kind = kind_of(doc, parent);
        if (is_condition(node, parent)) return true;
        if (kind == GRAM_KIND_UNARY) return has_sign(doc, parent, negations);
        bool passes = kind == GRAM_KIND_PAREN && ts_node_named_child_count(parent) == 1;
        passes = passes || (kind == GRAM_KIND_BINARY && has_sign(doc, parent, junctions));
        if (!passes) return false;
        node = parent;
    }
    return false;
}

/* ---- Brackets ---------------------------------------------------------------------- */

TSNode syn_unwrapped(const struct syn_document *doc, TSNode node)
{
    for (; ts_node_child_count(node) == 1; node = ts_node_child(node, 0)) {
        uint8_t kind = kind_of(doc, node);
        bool wraps = kind == GRAM_KIND_OTHER || strcmp(ts_node_type(node), "argument") == 0;
        if (!wraps) break;
    }
    return node;
}

bool syn_is_loose(const struct syn_document *doc, TSNode node)
{
    node = syn_unwrapped(doc, node);
    uint8_t kind = kind_of(doc, node);
    const char *type = ts_node_type(node);
    return kind == GRAM_KIND_BINARY || kind == GRAM_KIND_UNARY || kind == GRAM_KIND_CONDITIONAL ||
           kind == GRAM_KIND_ASSIGN || strstr(type, "lambda") || strstr(type, "arrow_function") ||
           (kind == GRAM_KIND_CALL && !strchr(")]}", doc->text[ts_node_end_byte(node) - 1])) ||
           (kind == GRAM_KIND_OTHER && (strstr(type, "expression") || strstr(type, "operator")));
}

bool syn_is_operand(const struct syn_document *doc, TSNode node)
{
    TSNode parent = ts_node_parent(node);
    uint8_t kind = ts_node_is_null(parent) ? GRAM_KIND_FILE : kind_of(doc, parent);
    return kind == GRAM_KIND_BINARY || kind == GRAM_KIND_UNARY || kind == GRAM_KIND_CONDITIONAL ||
           kind == GRAM_KIND_MEMBER || kind == GRAM_KIND_INDEX || kind == GRAM_KIND_CALL;
}

/* The outermost node with exactly these bytes; null: there is none. */
static TSNode node_at(const struct syn_document *doc, struct syn_span span)
{
    static const TSNode none;
    if (!doc->tree) return none;
    TSNode root = ts_tree_root_node(doc->tree), found = none;
    TSNode at = ts_node_descendant_for_byte_range(root, span.start, span.end);
    for (; !ts_node_is_null(at) && ts_node_start_byte(at) == span.start &&
           ts_node_end_byte(at) == span.end;
         at = ts_node_parent(at))
        found = at;
    return found;
}

bool syn_stands(const struct syn_document *doc, struct syn_span span)
{
    TSNode node = node_at(doc, span);
    if (ts_node_is_null(node)) return false;
    TSNode parent = ts_node_parent(node);
    uint8_t kind = ts_node_is_null(parent) ? GRAM_KIND_FILE : kind_of(doc, parent);
    /* Grammars are less strict there than languages. */
    return kind_of(doc, node) != GRAM_KIND_ASSIGN ||
           (kind != GRAM_KIND_BINARY && kind != GRAM_KIND_UNARY);
}

bool syn_needs_no_brackets(const struct syn_document *doc, struct syn_span span)
{
    TSNode inner = node_at(doc, span);
    TSNode brackets = ts_node_is_null(inner) ? inner : ts_node_parent(inner);
    TSNode outer = ts_node_is_null(brackets) ? brackets : ts_node_parent(brackets);
    if (ts_node_is_null(outer) || kind_of(doc, brackets) != GRAM_KIND_PAREN) return false;
    if (kind_of(doc, inner) != GRAM_KIND_BINARY || kind_of(doc, outer) != GRAM_KIND_BINARY)
        return false;
    TSNode a = sign_of(doc, inner, junctions), b = sign_of(doc, outer, junctions);
    return !ts_node_is_null(a) && !ts_node_is_null(b) && syn_same_text(doc, a, b);
}

/* ---- What ends where --------------------------------------------------------------- */

bool syn_is_wrapper(const struct syn_document *doc, TSNode parent, TSNode node)
{
    return ts_node_named_child_count(parent) == 1 && kind_of(doc, parent) == GRAM_KIND_STATEMENT &&
           ts_node_start_byte(parent) == ts_node_start_byte(node);
}

static bool is_last_child(const struct syn_document *doc, TSNode node)
{
    TSNode next = ts_node_next_named_sibling(node);
    while (!ts_node_is_null(next) && kind_of(doc, next) == GRAM_KIND_COMMENT)
        next = ts_node_next_named_sibling(next);
    return ts_node_is_null(next);
}

TSNode syn_ended_by(const struct syn_document *doc, TSNode node)
{
    TSNode at = node, parent = ts_node_parent(node);
    for (; !ts_node_is_null(parent); at = parent, parent = ts_node_parent(at)) {
        if (syn_is_wrapper(doc, parent, at)) continue;
        if (!is_last_child(doc, at)) return parent;
        if (kind_of(doc, parent) != GRAM_KIND_BLOCK) return parent;
    }
    return at;
}

/* ---- Names ------------------------------------------------------------------------- */

struct search {
    const struct syn_document *doc;
    TSNode name, scope;
    uint32_t from; /* byte; what begins in front of it does not count */
};

/* What the name is written in: a node that it is all of. */
static TSNode leaf_of(TSNode name)
{
    while (ts_node_child_count(name) == 1)
        name = ts_node_child(name, 0);
    return name;
}

static bool is_name(const struct search *s, TSNode node)
{
    bool alike = ts_node_child_count(node) == 0 || ts_node_symbol(node) == ts_node_symbol(s->name);
    return alike && ts_node_start_byte(node) >= s->from && syn_same_text(s->doc, node, s->name);
}

static bool is_other(TSNode node, void *user)
{
    return !is_name(user, node);
}

bool syn_mentions(const struct syn_document *doc, TSNode node, TSNode name)
{
    struct search s = {.doc = doc, .name = leaf_of(name)};
    return !syn_each_node(node, is_other, &s);
}

struct counting {
    struct search search;
    unsigned n;
};

static bool count_names(TSNode node, void *user)
{
    struct counting *c = user;
    c->n += is_name(&c->search, node);
    return c->n <= 2;
}

bool syn_is_used_once(const struct syn_document *doc, TSNode name, TSNode scope)
{
    struct counting c = {.search = {.doc = doc, .name = leaf_of(name)}};
    syn_each_node(scope, count_names, &c);
    return c.n == 2;
}

bool syn_is_read_behind(const struct syn_document *doc, TSNode name, TSNode node)
{
    struct search s = {.doc = doc, .name = leaf_of(name), .from = ts_node_end_byte(node)};
    TSNode scope = node;
    for (TSNode at = ts_node_parent(node); !ts_node_is_null(at); at = ts_node_parent(at)) {
        scope = at;
        if (syn_is_routine(doc, at)) break;
    }
    return !syn_each_node(scope, is_other, &s);
}

/* Is it what an assignment, a step or the like in the scope gives a value to? */
static bool is_given(const struct search *s, TSNode node)
{
    static const char *const steps[] = {"++",     "--",  "&",   "&mut", "del",
                                        "delete", "ref", "out", NULL};
    for (TSNode at = node, parent = ts_node_parent(node);
         !ts_node_is_null(parent) && !ts_node_eq(at, s->scope);
         at = parent, parent = ts_node_parent(at)) {
        uint8_t kind = kind_of(s->doc, parent);
        if (kind == GRAM_KIND_ASSIGN || strstr(ts_node_type(parent), "assignment"))
            return ts_node_eq(ts_node_child(parent, 0), at);
        if (kind == GRAM_KIND_UNARY || strstr(ts_node_type(parent), "update") ||
            strstr(ts_node_type(parent), "postfix") || strstr(ts_node_type(parent), "pointer") ||
            strstr(ts_node_type(parent), "reference"))
            return has_sign(s->doc, parent, steps);
        if (kind == GRAM_KIND_LOOP || kind == GRAM_KIND_DECLARATION) {
            TSNode left = ts_node_child_by_field_name(parent, "left", 4);
            if (!ts_node_is_null(left) && ts_node_eq(left, at)) return true;
        }
        if (kind != GRAM_KIND_LIST && kind != GRAM_KIND_PAREN && kind != GRAM_KIND_INDEX &&
            kind != GRAM_KIND_MEMBER && kind != GRAM_KIND_ARGUMENTS &&
            !strstr(ts_node_type(parent), "pattern") && !strstr(ts_node_type(parent), "argument"))
            return false;
    }
    return false;
}

static bool is_not_given(TSNode node, void *user)
{
    const struct search *s = user;
    return ts_node_eq(node, s->name) || !is_name(s, node) || !is_given(s, node);
}

bool syn_is_assigned(const struct syn_document *doc, TSNode name, TSNode scope)
{
    struct search s = {.doc = doc, .name = leaf_of(name), .scope = scope};
    return !syn_each_node(scope, is_not_given, &s);
}

/* ---- Ways out ---------------------------------------------------------------------- */

struct ways {
    const struct syn_document *doc;
    TSNode statement, found; /* found null: none yet */
};

static bool is_no_way_out(TSNode node, void *user)
{
    struct ways *w = user;
    const char *type = ts_node_type(node);
    if (kind_of(w->doc, node) != GRAM_KIND_JUMP || !ts_node_is_named(node) ||
        (!strstr(type, "return") && !strstr(type, "throw") && !strstr(type, "raise") &&
         !strstr(type, "jump")) ||
        strncmp(w->doc->text + ts_node_start_byte(node), "break", 5) == 0 ||
        strncmp(w->doc->text + ts_node_start_byte(node), "continue", 8) == 0)
        return true;
    for (TSNode at = node; !ts_node_is_null(at); at = ts_node_parent(at)) {
        if (syn_is_routine(w->doc, at)) return true;
        if (ts_node_eq(at, w->statement)) break;
    }
    w->found = node;
    return false;
}

struct words {
    const struct syn_document *doc;
    const struct syn_argument *list;
    uint32_t n;
};

static bool is_no_word(TSNode node, void *user)
{
    const struct words *w = user;
    for (uint32_t i = 0; i < w->n && ts_node_child_count(node) == 0; i++)
        if (syn_text_is(w->doc, node, w->list[i].word, w->list[i].len)) return false;
    return true;
}

bool syn_is_left_open(const struct syn_document *doc, TSNode name, const struct syn_argument *words,
                      uint32_t n, TSNode *out)
{
    struct words search = {doc, words, n};
    TSNode at = name, parent = ts_node_parent(name);
    while (!ts_node_is_null(parent) && kind_of(doc, parent) != GRAM_KIND_BLOCK) {
        if (syn_is_routine(doc, parent)) return false;
        at = parent;
        parent = ts_node_parent(at);
    }
    if (ts_node_is_null(parent)) return false;
    struct ways ways = {.doc = doc};
    bool first = true, left = false;
    for (at = ts_node_next_named_sibling(at); !ts_node_is_null(at);
         at = ts_node_next_named_sibling(at)) {
        uint8_t kind = kind_of(doc, at);
        if (kind == GRAM_KIND_COMMENT) continue;
        bool mentions = syn_mentions(doc, at, name),
             nests = kind == GRAM_KIND_IF || kind == GRAM_KIND_LOOP || kind == GRAM_KIND_SWITCH;
        if (mentions && !nests && !syn_each_node(at, is_no_word, &search)) return left;
        if (kind == GRAM_KIND_TRY && mentions) return false;
        ways.statement = at;
        if (!left && !mentions && !(first && kind == GRAM_KIND_IF) &&
            !syn_each_node(at, is_no_way_out, &ways)) {
            if (ts_node_eq(ways.found, at)) return false; /* nothing comes behind it */
            *out = ways.found;
            left = true;
        }
        first = first && kind == GRAM_KIND_IF;
    }
    return false;
}

/* ---- Mentions ---------------------------------------------------------------------- */

bool syn_is_only_child(const struct syn_document *doc, TSNode node)
{
    TSNode parent = ts_node_parent(node);
    uint32_t n = ts_node_is_null(parent) ? 0 : ts_node_named_child_count(parent), others = 0;
    for (uint32_t i = 0; i < n && others < 2; i++)
        others += kind_of(doc, ts_node_named_child(parent, i)) != GRAM_KIND_COMMENT;
    return others < 2;
}

bool syn_is_unmentioned(const struct syn_document *doc, TSNode node, TSNode scope)
{
    uint32_t end = ts_node_end_byte(node), start = end, first = ts_node_start_byte(node);
    while (start > first && syn_is_word(doc->text[start - 1]))
        start--;
    uint32_t len = end - start, at = ts_node_start_byte(scope), stop = ts_node_end_byte(scope);
    if (len == 0) return false;
    for (; at + len <= stop; at++) {
        const char *here = memchr(doc->text + at, doc->text[start], stop - len + 1 - at);
        if (!here) return true;
        at = (uint32_t)(here - doc->text);
        bool word = memcmp(here, doc->text + start, len) == 0 &&
                    (at == 0 || !syn_is_word(here[-1])) && !syn_is_word(here[len]);
        if (word && (at + len <= first || at >= end)) return false;
    }
    return true;
}
