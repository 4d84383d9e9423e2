/* A statement that was made from the one before it, and not changed everywhere.
 *
 * Two neighbours of one type whose tokens pair up; where at least one name became another one and
 * the first name still stands elsewhere in the second statement, that place may have been
 * forgotten.
 */
#include "syntax/slips.h"

#include <string.h>

enum { TOKENS = 48, BYTES = 400 };

struct token {
    struct syn_span span;
    TSSymbol symbol;
    bool name;
};

struct tokens {
    const struct syn_document *doc;
    struct token list[TOKENS];
    size_t n;
};

static bool take(TSNode node, void *user)
{
    struct tokens *t = user;
    if (ts_node_child_count(node) > 0) return true;
    if (t->n == TOKENS || ts_node_is_missing(node)) {
        t->n = 0;
        return false;
    }
    t->list[t->n++] = (struct token){{ts_node_start_byte(node), ts_node_end_byte(node)},
                                     ts_node_symbol(node),
                                     syn_kind_of(t->doc->tables, node) == GRAM_KIND_NAME};
    return true;
}

static bool same(const char *text, struct syn_span a, struct syn_span b)
{
    return a.end - a.start == b.end - b.start &&
           memcmp(text + a.start, text + b.start, a.end - a.start) == 0;
}

/* What a's token i became elsewhere in b: where, or -1. */
static int changed_elsewhere(const char *text, const struct tokens *a, const struct tokens *b,
                             size_t i)
{
    for (size_t k = 0; k < b->n; k++)
        if (k != i && b->list[k].name && same(text, a->list[k].span, a->list[i].span) &&
            !same(text, a->list[k].span, b->list[k].span))
            return (int)k;
    return -1;
}

void syn_slips_copy(struct syn_slips_walk *w)
{
    const struct syn_step *step = &w->path[w->depth - 1];
    TSNode before = w->before[w->depth - 1];
    uint32_t len = ts_node_end_byte(step->node) - ts_node_start_byte(step->node);
    if (ts_node_is_null(before) || len > BYTES ||
        ts_node_symbol(before) != ts_node_symbol(step->node) || ts_node_has_error(step->node) ||
        ts_node_end_byte(before) - ts_node_start_byte(before) > BYTES)
        return;
    struct tokens a = {.doc = w->doc}, b = {.doc = w->doc};
    syn_each_node(before, take, &a);
    syn_each_node(step->node, take, &b);
    if (a.n != b.n || b.n < 5) return;
    for (size_t i = 0; i < b.n; i++)
        if (a.list[i].symbol != b.list[i].symbol) return;
    for (size_t i = 0; i < b.n; i++) {
        const char *text = w->doc->text;
        if (!b.list[i].name) continue;
        int k = changed_elsewhere(text, &a, &b, i);
        bool kept = same(text, a.list[i].span, b.list[i].span);
        /* Left as it was: what it became there. Changed as it was there: what it was. */
        struct syn_span other = kept && k >= 0 ? b.list[k].span : a.list[i].span;
        if (k >= 0 && (kept || same(text, b.list[k].span, b.list[i].span)))
            syn_slips_add(w, SYN_SLIP_COPY, b.list[i].span, text + other.start,
                          other.end - other.start);
    }
}
