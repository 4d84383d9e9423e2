/* Sketches in trees: a walk that compares nodes, children with children.
 *
 * A name that stands for many takes as few neighbours as will do, and one more where that fails;
 * nothing else is tried twice. What names stand for is put back when an attempt fails.
 */
#include "syntax/bytes.h"
#include "syntax/facts.h"
#include "syntax/sketches.h"

#include <stdlib.h>
#include <string.h>

struct bound {
    bool has;
    TSNode first, last; /* null: it stands for nothing */
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

static bool is_one(const struct bound *b)
{
    return !ts_node_is_null(b->first) && ts_node_eq(b->first, b->last);
}

static bool bind(struct matcher *m, int name, const struct bound *to)
{
    if (name < 0) return true;
    struct bound *b = &m->bound[name];
    if (b->has)
        return same_bytes(m, b->span, to->span) ||
               (is_one(b) && is_one(to) && syn_same_tokens(m->doc, b->first, to->first));
    *b = *to;
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
static struct bound bound_between(const struct matcher *m, size_t from, size_t to)
{
    while (from < to && is_free(m, m->nodes[from]))
        from++;
    while (to > from && is_free(m, m->nodes[to - 1]))
        to--;
    if (from == to) return (struct bound){.has = true};
    TSNode first = m->nodes[from], last = m->nodes[to - 1];
    return (struct bound){true, first, last, {ts_node_start_byte(first), ts_node_end_byte(last)}};
}

/* Children [at, end) of the sketch against nodes [from, to). */
static bool match_list(struct matcher *m, uint32_t at, uint32_t end, size_t from, size_t to);

/* Does the node begin another part of what it is in, an else or a catch? Then it is no neighbour of
 * what the first part consists of, even where a grammar has both side by side. */
static bool begins_part(TSNode node)
{
    static const char *const parts[] = {"else",    "elif",   "elsif",  "except",
                                        "finally", "rescue", "ensure", "catch"};
    const char *type = ts_node_type(node);
    for (size_t i = 0; ts_node_is_named(node) && i < sizeof parts / sizeof *parts; i++)
        if (strncmp(type, parts[i], strlen(parts[i])) == 0) return true;
    return false;
}

static bool match_many(struct matcher *m, uint32_t at, uint32_t end, size_t from, size_t to)
{
    const struct syn_sketch_node *s = &m->sketch->nodes[at];
    struct bound before[SYN_SKETCH_NAMES];
    memcpy(before, m->bound, sizeof before);
    for (size_t k = from; k <= to && m->steps < STEPS; k++) {
        if (k > from && begins_part(m->nodes[k - 1])) break;
        const struct bound bound = bound_between(m, from, k);
        if (bind(m, s->name, &bound)) {
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

/* Puts a node behind those that are there; false when memory ran out. */
static bool push(struct matcher *m, TSNode node)
{
    if (m->n == m->capacity) {
        size_t capacity = m->capacity ? 2 * m->capacity : 256;
        TSNode *grown = realloc(m->nodes, capacity * sizeof *grown);
        m->failed = !grown;
        if (!grown) return false;
        m->nodes = grown;
        m->capacity = capacity;
    }
    m->nodes[m->n++] = node;
    return true;
}

static bool push_children(struct matcher *m, TSNode node)
{
    TSTreeCursor cursor = ts_tree_cursor_new(node);
    bool more = ts_tree_cursor_goto_first_child(&cursor);
    while (more && push(m, ts_tree_cursor_current_node(&cursor)))
        more = ts_tree_cursor_goto_next_sibling(&cursor);
    ts_tree_cursor_delete(&cursor);
    return !m->failed;
}

static bool match_node(struct matcher *m, uint32_t index, TSNode node)
{
    const struct syn_sketch_node *s = &m->sketch->nodes[index];
    m->steps++;
    if (s->stands) {
        const struct bound bound = {true, node, node, span_of(node)};
        return ts_node_is_named(node) && !is_comment(m, node) && bind(m, s->name, &bound);
    }
    if (s->named != ts_node_is_named(node)) return false;
    if (s->kids == 0) return syn_text_is(m->doc, node, m->sketch->text + s->text, s->len);
    if (ts_node_symbol(node) != s->symbol) return false;
    size_t from = m->n;
    bool ok = push_children(m, node) && match_list(m, s->first, s->first + s->kids, from, m->n);
    m->n = from;
    return ok;
}

/* ---- What has to hold -------------------------------------------------------------- */

static TSNode function_around(const struct matcher *m, TSNode node)
{
    TSNode at = node, file = node;
    for (; !ts_node_is_null(at); at = ts_node_parent(at)) {
        if (syn_is_routine(m->doc, at) && !ts_node_eq(at, node)) return at;
        file = at;
    }
    return file;
}

/* The nodes that a capture of the predicates stands for. */
static void give_part(const struct matcher *m, int part, TSNode found, uint32_t capture,
                      struct syn_matched *out)
{
    out->has[capture] = true;
    if (part == SYN_SKETCH_MATCH)
        out->node[capture] = found;
    else if (part == SYN_SKETCH_FUNCTION)
        out->node[capture] = function_around(m, found);
    else if (part == SYN_SKETCH_FILE)
        out->node[capture] = ts_tree_root_node(m->doc->tree);
    else {
        out->node[capture] = m->bound[part].first;
        out->last[capture] = m->bound[part].last;
        out->many[capture] = m->sketch->many[part];
    }
}

static bool holds(const struct matcher *m, TSNode found)
{
    const struct syn_sketch_where *where = &m->sketch->where;
    if (where->n == 0) return true;
    struct syn_matched matched = {.doc = m->doc};
    uint32_t n = ts_query_capture_count(where->query);
    for (uint32_t i = 0; i < n; i++)
        give_part(m, where->parts[i], found, i, &matched);
    for (uint32_t i = 0; i < where->n; i++)
        if (!syn_predicate_holds(&where->list[i], &matched)) return false;
    return true;
}

/* ---- The walk ---------------------------------------------------------------------- */

enum { NEIGHBOURS = 64 /* that several statements may be */ };

/* Is this node the first of neighbours that the sketch's statements are? Their end. */
static bool match_sequence(struct matcher *m, TSNode node, uint32_t *end)
{
    const struct syn_sketch_node *root = &m->sketch->nodes[0];
    bool found = false;
    if (!match_node(m, root->first, node)) return false;
    TSNode nodes[NEIGHBOURS];
    size_t n = 0;
    for (TSNode at = node; n < NEIGHBOURS && !ts_node_is_null(at); at = ts_node_next_sibling(at))
        nodes[n++] = at;
    size_t from = m->n;
    for (size_t k = 0; k < n; k++)
        if (!push(m, nodes[k])) return false;
    for (size_t k = 2; k <= n && !found && m->steps < STEPS; k++) {
        memset(m->bound, 0, sizeof m->bound);
        found = !is_free(m, nodes[k - 1]) && !ts_node_has_error(nodes[k - 1]) &&
                match_list(m, root->first, root->first + root->kids, from, from + k);
        if (found) *end = ts_node_end_byte(nodes[k - 1]);
    }
    m->n = from;
    return found;
}

/* The symbol that a place begins with. */
static TSSymbol first_symbol(const struct syn_sketch *sketch)
{
    const struct syn_sketch_node *root = &sketch->nodes[0];
    return sketch->nodes[sketch->sequence ? root->first : 0].symbol;
}

/* Some grammars have the end of the line in a node. */
static struct syn_span without_space(const struct matcher *m, struct syn_span span)
{
    while (span.end > span.start && syn_is_space(m->doc->text[span.end - 1]))
        span.end--;
    return span;
}

static bool is_place(struct matcher *m, TSNode node, struct syn_found *out)
{
    if (ts_node_has_error(node)) return false;
    memset(m->bound, 0, sizeof m->bound);
    m->steps = 0;
    *out = (struct syn_found){.span = span_of(node)};
    if (m->sketch->sequence) {
        if (!match_sequence(m, node, &out->span.end)) return false;
    } else {
        if (!match_node(m, 0, node)) return false;
        out->operand = syn_is_operand(m->doc, node);
    }
    if (m->failed || !holds(m, node)) return false;
    for (size_t i = 0; i < SYN_SKETCH_NAMES; i++) {
        out->names[i] = without_space(m, m->bound[i].span);
        out->loose[i] =
            m->bound[i].has && !m->sketch->many[i] && syn_is_loose(m->doc, m->bound[i].first);
    }
    return true;
}

struct run {
    struct matcher matcher;
    const struct syn_sketch *const *sketches;
    size_t n;
    syn_on_found visit;
    void *user;
};

static bool at_node(TSNode node, void *user)
{
    struct run *run = user;
    struct matcher *m = &run->matcher;
    struct syn_found found;
    TSSymbol symbol = ts_node_symbol(node);
    if (syn_is_stopped(m->doc->stop)) return false;
    for (size_t i = 0; i < run->n && !m->failed; i++) {
        if (first_symbol(run->sketches[i]) != symbol) continue;
        m->sketch = run->sketches[i];
        if (is_place(m, node, &found) && !run->visit(i, &found, run->user)) return false;
    }
    return !m->failed;
}

enum syn_status syn_sketch_run(const struct syn_sketch *const *sketches, size_t n,
                               const struct syn_document *doc, struct syn_span within,
                               syn_on_found visit, void *user, struct syn_error *err)
{
    struct run run = {
        .matcher = {.doc = doc}, .sketches = sketches, .n = n, .visit = visit, .user = user};
    if (!doc->tree || n == 0) return SYN_OK;
    syn_each_node_within(ts_tree_root_node(doc->tree), within, at_node, &run);
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
