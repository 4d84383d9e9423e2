/* Sketches in trees: a walk that compares nodes, children with children.
 *
 * A name that stands for many takes as few neighbours as will do, and one more where that fails;
 * nothing else is tried twice. What names stand for is put back when an attempt fails.
 */
#include "syntax/facts.h"
#include "syntax/sketches.h"

#include <stdlib.h>
#include <string.h>

struct bound {
    bool has;
    TSNode node; /* the first one */
    struct syn_span span;
};

struct matcher {
    const struct syn_sketch *sketch;
    const struct syn_document *doc;
    struct bound bound[SYN_SKETCH_NAMES];
    TSNode *nodes; /* children of nodes that are being compared, of outer ones first */
    size_t n, capacity;
    bool failed; /* memory ran out */
    unsigned steps;
};

enum { STEPS = 100000 /* comparisons for one place: what takes more is no match */ };

/* ---- Names ------------------------------------------------------------------------- */

static bool same_bytes(const struct matcher *m, struct syn_span a, struct syn_span b)
{
    return a.end - a.start == b.end - b.start &&
           memcmp(m->doc->text + a.start, m->doc->text + b.start, a.end - a.start) == 0;
}

static bool bind(struct matcher *m, int name, TSNode node, struct syn_span span)
{
    if (name < 0) return true;
    struct bound *b = &m->bound[name];
    if (b->has)
        return same_bytes(m, b->span, span) ||
               (!ts_node_is_null(node) && !ts_node_is_null(b->node) &&
                syn_same_tokens(m->doc, b->node, node));
    *b = (struct bound){true, node, span};
    return true;
}

static struct syn_span span_of(TSNode node)
{
    return (struct syn_span){ts_node_start_byte(node), ts_node_end_byte(node)};
}

/* ---- Nodes ------------------------------------------------------------------------- */

static bool is_comment(const struct matcher *m, TSNode node)
{
    return syn_kind_of(m->doc->tables, node) == GRAM_KIND_COMMENT;
}

static bool is_separator(const char *text, uint32_t len)
{
    return len == 0 || (len == 1 && strchr(",;\n", *text));
}

/* May stand in the text without standing in the sketch. */
static bool is_free(const struct matcher *m, TSNode node)
{
    uint32_t start = ts_node_start_byte(node);
    return is_comment(m, node) ||
           (!ts_node_is_named(node) &&
            is_separator(m->doc->text + start, ts_node_end_byte(node) - start));
}

static bool match_node(struct matcher *m, uint32_t index, TSNode node);

/* What nodes [from, to) of m->nodes are, without separators around. */
static struct syn_span span_between(const struct matcher *m, size_t from, size_t to, TSNode *first)
{
    *first = (TSNode){0};
    while (from < to && is_free(m, m->nodes[from]))
        from++;
    while (to > from && is_free(m, m->nodes[to - 1]))
        to--;
    if (from == to) return (struct syn_span){0, 0};
    *first = m->nodes[from];
    return (struct syn_span){ts_node_start_byte(m->nodes[from]),
                             ts_node_end_byte(m->nodes[to - 1])};
}

/* Children [at, end) of the sketch against nodes [from, to). */
static bool match_list(struct matcher *m, uint32_t at, uint32_t end, size_t from, size_t to);

static bool match_many(struct matcher *m, uint32_t at, uint32_t end, size_t from, size_t to)
{
    const struct syn_sketch_node *s = &m->sketch->nodes[at];
    struct bound before[SYN_SKETCH_NAMES];
    memcpy(before, m->bound, sizeof before);
    for (size_t k = from; k <= to && m->steps < STEPS; k++) {
        TSNode first;
        struct syn_span span = span_between(m, from, k, &first);
        if (bind(m, s->name, ts_node_is_null(first) || k > from + 1 ? (TSNode){0} : first, span)) {
            if (match_list(m, at + 1, end, k, to)) return true;
            /* Nothing stands for it: what separates it is not there either. */
            const struct syn_sketch_node *next = at + 1 < end ? s + 1 : NULL;
            if (k == from && next && !next->named && !next->stands &&
                is_separator(m->sketch->text + next->text, next->len) &&
                match_list(m, at + 2, end, k, to))
                return true;
        }
        memcpy(m->bound, before, sizeof before);
    }
    return false;
}

static bool match_list(struct matcher *m, uint32_t at, uint32_t end, size_t from, size_t to)
{
    const struct syn_sketch_node *nodes = m->sketch->nodes;
    while (at < end) {
        const struct syn_sketch_node *s = &nodes[at];
        if (s->many) return match_many(m, at, end, from, to);
        if (from < to && match_node(m, at, m->nodes[from])) {
            at++;
            from++;
            continue;
        }
        bool separates = !s->named && !s->stands && is_separator(m->sketch->text + s->text, s->len);
        if (from < to && is_comment(m, m->nodes[from])) {
            from++;
        } else if (separates && at + 1 < end && nodes[at + 1].many) {
            at++; /* in front of nothing, perhaps */
        } else if (from < to && is_free(m, m->nodes[from])) {
            from++;
        } else {
            return false;
        }
        if (m->steps >= STEPS) return false;
    }
    while (from < to && is_free(m, m->nodes[from]))
        from++;
    return from == to;
}

/* Puts the node's children behind those that are there; false when memory ran out. */
static bool push_children(struct matcher *m, TSNode node)
{
    TSTreeCursor cursor = ts_tree_cursor_new(node);
    bool more = ts_tree_cursor_goto_first_child(&cursor);
    while (more && !m->failed) {
        if (m->n == m->capacity) {
            size_t capacity = m->capacity ? 2 * m->capacity : 256;
            TSNode *grown = realloc(m->nodes, capacity * sizeof *grown);
            if (grown) {
                m->nodes = grown;
                m->capacity = capacity;
            } else {
                m->failed = true;
                break;
            }
        }
        m->nodes[m->n++] = ts_tree_cursor_current_node(&cursor);
        more = ts_tree_cursor_goto_next_sibling(&cursor);
    }
    ts_tree_cursor_delete(&cursor);
    return !m->failed;
}

static bool match_node(struct matcher *m, uint32_t index, TSNode node)
{
    const struct syn_sketch_node *s = &m->sketch->nodes[index];
    m->steps++;
    if (s->stands)
        return ts_node_is_named(node) && !is_comment(m, node) &&
               bind(m, s->name, node, span_of(node));
    if (s->named != ts_node_is_named(node)) return false;
    if (s->kids == 0) return syn_text_is(m->doc, node, m->sketch->text + s->text, s->len);
    if (ts_node_symbol(node) != s->symbol) return false;
    size_t from = m->n;
    bool ok = push_children(m, node) && match_list(m, s->first, s->first + s->kids, from, m->n);
    m->n = from;
    return ok;
}

/* ---- The walk ---------------------------------------------------------------------- */

static bool is_place(struct matcher *m, TSNode node, struct syn_found *out)
{
    const struct syn_sketch_node *root = &m->sketch->nodes[0];
    if (ts_node_symbol(node) != root->symbol || ts_node_has_error(node)) return false;
    memset(m->bound, 0, sizeof m->bound);
    m->steps = 0;
    if (!match_node(m, 0, node) || m->failed) return false;
    out->span = span_of(node);
    for (size_t i = 0; i < SYN_SKETCH_NAMES; i++)
        out->names[i] = m->bound[i].span;
    return true;
}

struct run {
    struct matcher matcher;
    syn_on_found visit;
    void *user;
};

static bool at_node(TSNode node, void *user)
{
    struct run *run = user;
    struct syn_found found;
    if (syn_is_stopped(run->matcher.doc->stop) || run->matcher.failed) return false;
    return !is_place(&run->matcher, node, &found) || run->visit(&found, run->user);
}

enum syn_status syn_sketch_run(const struct syn_sketch *sketch, const struct syn_document *doc,
                               syn_on_found visit, void *user, struct syn_error *err)
{
    struct run run = {.matcher = {.sketch = sketch, .doc = doc}, .visit = visit, .user = user};
    if (!doc->tree) return SYN_OK;
    syn_each_node(ts_tree_root_node(doc->tree), at_node, &run);
    free(run.matcher.nodes);
    if (run.matcher.failed) return syn_fail(err, SYN_NO_MEMORY, "out of memory for a search");
    return syn_unless_stopped(doc, SYN_OK, err);
}

bool syn_sketch_may_match(const struct syn_sketch *sketch, const char *text, size_t len)
{
    for (uint32_t i = 0; i < sketch->n_nodes; i++) {
        const struct syn_sketch_node *s = &sketch->nodes[i];
        if (s->stands || s->kids > 0 || is_separator(sketch->text + s->text, s->len)) continue;
        const char *word = sketch->text + s->text, *at = text;
        bool found = false;
        for (size_t left = len; !found && left >= s->len; at++, left = len - (size_t)(at - text)) {
            at = memchr(at, word[0], left - s->len + 1);
            if (!at) break;
            found = memcmp(at, word, s->len) == 0;
        }
        if (!found) return false;
    }
    return true;
}
