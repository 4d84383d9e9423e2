/* What of the text in front of a place is worth showing when not all of it can be shown.
 *
 * Owns the choice of lines and their order of priority; how many of them fit is the caller's
 * question. The tree is walked from the place outwards: each open node gives its header, and
 * the definitions before the place that stand directly in it are its members (members.c). Members
 * of which a name occurs in the near text come before those that merely stand nearby.
 *
 * Everything depends on the text up to near_end and on the text around the hole's lines, which
 * are cut out: what is typed in a line changes nothing.
 *
 * Work is bounded by bytes: the walk looks SEARCH_BYTES back, and at the file's first
 * HEAD_BYTES for its imports, so the size of the file does not matter. Which definition a name
 * means is not resolved: one in an open scope is preferred, then the nearest.
 */
#include "syntax/definition.h"
#include "syntax/hole.h"
#include "syntax/members.h"

#include <stdlib.h>
#include <string.h>

enum {
    SEARCH_BYTES = 192 * 1024,
    HEAD_BYTES = 16 * 1024,
    NAME_BYTES = 16 * 1024, /* of the near text that names are read from */
    MAX_PATH = 128,         /* nested nodes */
    MAX_USES = 1024,
    USE_SLOTS = 4096,  /* a power of two, larger than MAX_USES */
    FIRST_BYTES = 240, /* of a candidate that are looked through for names */
};

/* A word of the near text. */
struct use {
    uint32_t start, len; /* where it occurs last; len 0: no entry */
    uint32_t hash;
    int32_t best; /* candidate that defines it, or -1 */
    int32_t run;  /* the last of those after it that define it again, one after the other */
};

struct outline {
    const struct syn_document *doc;
    TSNode root;
    uint32_t before, near_end;
    struct syn_members members; /* definitions in front of the place: the candidates */
    struct use *uses;           /* [USE_SLOTS] */
    size_t n_uses;
    struct syn_outline_part *out;
    size_t count, max;
};

/* ---- Open nodes --------------------------------------------------------------------- */

/* The nodes around a byte, outermost first. */
struct path {
    TSNode node[MAX_PATH];
    size_t length;
};

static void find_path(struct outline *o, uint32_t byte, struct path *path)
{
    ts_tree_cursor_reset(&o->members.cursor, o->root);
    path->length = 0;
    TSNode node = o->root;
    while (path->length < MAX_PATH && ts_node_start_byte(node) <= byte &&
           ts_node_end_byte(node) > byte) {
        path->node[path->length++] = node;
        if (ts_tree_cursor_goto_first_child_for_byte(&o->members.cursor, byte) < 0) break;
        node = ts_tree_cursor_current_node(&o->members.cursor);
    }
}

/* Nodes whose children are the members of a scope. */
static bool holds_members(const struct outline *o, TSNode node, uint8_t kind)
{
    switch (kind) {
    case GRAM_KIND_FILE:
    case GRAM_KIND_BLOCK:
    case GRAM_KIND_ERROR:
    case GRAM_KIND_PREPROC:
    case GRAM_KIND_MAP:
    case GRAM_KIND_IF:
    case GRAM_KIND_LOOP:
    case GRAM_KIND_SWITCH:
    case GRAM_KIND_TRY:
        return true;
    default:
        return syn_members_is_group(&o->members, node, kind);
    }
}

static bool is_local(struct outline *o, TSNode node, uint8_t kind, bool outside)
{
    if (kind == GRAM_KIND_FUNCTION) return true;
    if (kind == GRAM_KIND_CLASS) return false;
    return outside ||
           (kind == GRAM_KIND_DECLARATION && syn_is_function(&o->members.definitions, node));
}

/* Collects the members of the nodes of a path, from number `first` on. */
static void collect(struct outline *o, const struct path *path, size_t first, bool enclosing)
{
    uint32_t from = o->before > SEARCH_BYTES ? o->before - SEARCH_BYTES : 0;
    bool local = false;
    for (size_t i = 0; i < path->length && !o->members.failed; i++) {
        TSNode node = path->node[i];
        uint8_t kind = i == 0 ? GRAM_KIND_FILE : syn_kind_of(o->doc->tables, node);
        if (ts_node_start_byte(node) >= o->before) break;
        local = is_local(o, node, kind, local);
        if (i < first || !holds_members(o, node, kind)) continue;
        struct syn_scope scope = {.owner = -1, .enclosing = enclosing, .local = local};
        uint32_t head = i == 0 && from > HEAD_BYTES ? HEAD_BYTES : 0;
        if (head) syn_members_walk(&o->members, node, scope, 0, head);
        syn_members_walk(&o->members, node, scope, from, o->before);
    }
}

/* ---- Names of the near text --------------------------------------------------------- */

static uint32_t hash_of(const char *text, uint32_t len)
{
    uint32_t h = 2166136261u;
    for (uint32_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)text[i]) * 16777619u;
    return h;
}

/* The entry of a word, or the free one where it would be. */
static struct use *find_use(const struct outline *o, uint32_t start, uint32_t len)
{
    const char *text = o->doc->text;
    uint32_t hash = hash_of(text + start, len);
    for (uint32_t slot = hash;; slot++) {
        struct use *use = &o->uses[slot & (USE_SLOTS - 1)];
        if (use->len == 0) use->hash = hash;
        if (use->len == 0 || (use->hash == hash && use->len == len &&
                              memcmp(text + use->start, text + start, len) == 0))
            return use;
    }
}

/* Names of one letter are used for anything. */
static void collect_uses(struct outline *o)
{
    uint32_t from = o->before, end = o->near_end;
    if (end - from > NAME_BYTES) from = end - NAME_BYTES;
    for (uint32_t len;
         o->n_uses < MAX_USES && (len = syn_word_before(o->doc->text, from, &end)) > 0;) {
        if (len < 2 || (o->doc->text[end] >= '0' && o->doc->text[end] <= '9')) continue;
        struct use *use = find_use(o, end, len);
        if (use->len > 0) continue;
        *use = (struct use){.start = end, .len = len, .hash = use->hash, .best = -1, .run = -1};
        o->n_uses++;
    }
}

/* Does one of the near text's words stand in the first bytes of the candidate? Cheaper than
 * reading its names. */
static bool may_be_used(const struct outline *o, const struct syn_member *c)
{
    uint32_t end = c->end - c->start > FIRST_BYTES ? c->start + FIRST_BYTES : c->end;
    for (uint32_t len; (len = syn_word_before(o->doc->text, c->start, &end)) > 0;)
        if (find_use(o, end, len)->len > 0) return true;
    return false;
}

/* Is candidate i a better definition of the word than the one that is known? One in an open
 * scope is, else the nearer one. Of some in a row (equations, overloads, a signature and what
 * it is of) the first stands for all. */
static bool is_better(const struct outline *o, struct use *use, int32_t i)
{
    if (use->best < 0) return true;
    const struct syn_member *c = &o->members.list[i], *best = &o->members.list[use->best];
    bool next = use->run == i - 1 && best->owner == c->owner && best->enclosing == c->enclosing;
    if (next) {
        use->run = i;
        return false;
    }
    if (c->enclosing != best->enclosing) return c->enclosing;
    return c->start > best->start;
}

static void match(struct outline *o)
{
    struct syn_span names[SYN_DEFINITION_NAMES];
    for (size_t i = 0; i < o->members.count && o->n_uses > 0; i++) {
        if (!may_be_used(o, &o->members.list[i])) continue;
        size_t n = syn_members_names(&o->members, &o->members.list[i], names);
        for (size_t k = 0; k < n; k++) {
            struct use *use = find_use(o, names[k].start, names[k].end - names[k].start);
            if (use->len > 0 && is_better(o, use, (int32_t)i)) use->best = use->run = (int32_t)i;
        }
    }
}

/* ---- Parts -------------------------------------------------------------------------- */

static void put(struct outline *o, struct syn_line_range range, enum syn_priority priority)
{
    while (range.last > range.first && syn_line_start(o->doc, range.last) >= o->before)
        range.last--;
    if (o->count == o->max || syn_line_start(o->doc, range.first) >= o->before) return;
    for (size_t i = 0; i < o->count; i++)
        if (o->out[i].first_line <= range.first && o->out[i].last_line >= range.last) return;
    o->out[o->count++] = (struct syn_outline_part){range.first, range.last, (uint8_t)priority};
}

static void put_line(struct outline *o, uint32_t byte)
{
    uint32_t line = (uint32_t)syn_lines_find(&o->doc->lines, byte);
    put(o, (struct syn_line_range){line, line}, SYN_PRIORITY_ENCLOSING);
}

/* Headers of the definitions on the path that are open at the place, innermost first. */
static void put_headers(struct outline *o, const struct path *path)
{
    for (size_t i = path->length; i-- > 1;) {
        TSNode node = path->node[i];
        uint8_t kind = syn_kind_of(o->doc->tables, node);
        if (!syn_kind_defines(kind) || syn_members_is_group(&o->members, node, kind)) continue;
        if (ts_node_start_byte(node) >= o->before || ts_node_end_byte(node) <= o->before) continue;
        put(o, syn_header_of(&o->members.definitions, node, true), SYN_PRIORITY_ENCLOSING);
    }
}

/* The lines on which the other nodes of the path start: branches, loops, calls, tables. */
static void put_starts(struct outline *o, const struct path *path)
{
    for (size_t i = path->length; i-- > 1;) {
        TSNode node = path->node[i];
        uint8_t kind = syn_kind_of(o->doc->tables, node);
        uint32_t start = ts_node_start_byte(node);
        bool bare = kind == GRAM_KIND_BLOCK && !syn_is_opener(o->doc->text[start]);
        if (bare || kind == GRAM_KIND_ERROR || kind == GRAM_KIND_COMMENT ||
            kind == GRAM_KIND_STRING || syn_kind_defines(kind) || start >= o->before)
            continue;
        put_line(o, start);
    }
}

/* With its owners, so that it is known what it belongs to. */
static void put_candidate(struct outline *o, int32_t index, enum syn_priority priority)
{
    int32_t chain[SYN_MEMBERS_NESTING];
    size_t n = 0;
    for (; index >= 0 && n < SYN_MEMBERS_NESTING; index = o->members.list[index].owner)
        chain[n++] = index;
    while (n-- > 0)
        put(o, syn_header_of(&o->members.definitions, o->members.list[chain[n]].node, false),
            priority);
}

static int by_use(const void *a, const void *b)
{
    const struct use *x = a, *y = b;
    return x->start < y->start ? 1 : x->start > y->start ? -1 : 0;
}

/* Destroys the table of uses. */
static void put_used(struct outline *o)
{
    size_t n = 0;
    for (size_t i = 0; i < USE_SLOTS; i++)
        if (o->uses[i].len > 0 && o->uses[i].best >= 0) o->uses[n++] = o->uses[i];
    qsort(o->uses, n, sizeof *o->uses, by_use);
    for (size_t i = 0; i < n; i++)
        put_candidate(o, o->uses[i].best, SYN_PRIORITY_USED);
}

static int by_place(const void *a, const void *b)
{
    const struct syn_member *x = a, *y = b;
    if (x->start != y->start) return x->start < y->start ? 1 : -1;
    return x->end < y->end ? 1 : x->end > y->end ? -1 : 0;
}

static bool is_signature(const struct syn_member *c)
{
    return c->enclosing && !c->local && c->owner < 0 && c->kind != GRAM_KIND_IMPORT &&
           c->kind != GRAM_KIND_PREPROC;
}

static bool same_name(const struct outline *o, struct syn_span a, struct syn_span b)
{
    return a.end - a.start == b.end - b.start &&
           memcmp(o->doc->text + a.start, o->doc->text + b.start, a.end - a.start) == 0;
}

/* Members of the open scopes, nearest first; of those in a row that define one name, the
 * first. Destroys the owners. */
static void put_siblings(struct outline *o)
{
    size_t n = 0;
    for (size_t i = 0; i < o->members.count; i++)
        if (is_signature(&o->members.list[i])) o->members.list[n++] = o->members.list[i];
    if (n == 0) return;
    qsort(o->members.list, n, sizeof *o->members.list, by_place);
    struct syn_span names[2][SYN_DEFINITION_NAMES];
    size_t count = syn_members_names(&o->members, &o->members.list[0], names[0]);
    for (size_t i = 0; i < n && o->count < o->max; i++) {
        struct syn_span *own = names[i & 1], *other = names[(i + 1) & 1];
        size_t earlier =
            i + 1 < n ? syn_members_names(&o->members, &o->members.list[i + 1], other) : 0;
        bool again = count && earlier && same_name(o, own[0], other[0]);
        if (count && !again)
            put(o, syn_header_of(&o->members.definitions, o->members.list[i].node, false),
                SYN_PRIORITY_SIBLING);
        count = earlier;
    }
}

/* ---- Entry -------------------------------------------------------------------------- */

static uint32_t last_visible(const struct syn_document *doc, uint32_t end)
{
    while (end > 0 && syn_is_space(doc->text[end - 1]))
        end--;
    return end > 0 ? end - 1 : UINT32_MAX;
}

static void choose(struct outline *o)
{
    struct path near, far;
    uint32_t at = last_visible(o->doc, o->near_end);
    uint32_t front = last_visible(o->doc, o->before);
    if (at == UINT32_MAX || front == UINT32_MAX) return;
    find_path(o, at, &near);
    find_path(o, front, &far);
    if (near.length == 0) return;
    put_headers(o, &near);
    put_starts(o, &near);
    put_headers(o, &far);
    collect(o, &near, 0, true);
    size_t same = 0;
    while (same < near.length && same < far.length && ts_node_eq(near.node[same], far.node[same]))
        same++;
    collect(o, &far, same, false);
    collect_uses(o);
    match(o);
    put_used(o);
    put_siblings(o);
}

static enum syn_status outline_of(const struct syn_document *doc, const TSTree *tree, size_t before,
                                  size_t near_end, struct syn_outline_part *out, size_t max,
                                  size_t *count, struct syn_error *err)
{
    struct outline o = {.doc = doc,
                        .root = ts_tree_root_node(tree),
                        .before = (uint32_t)before,
                        .near_end = (uint32_t)near_end,
                        .out = out,
                        .max = max};
    o.uses = calloc(USE_SLOTS, sizeof *o.uses);
    if (!o.uses) return syn_fail(err, SYN_NO_MEMORY, "out of memory for an outline");
    syn_members_begin(&o.members, doc, o.root);
    choose(&o);
    syn_members_end(&o.members);
    free(o.uses);
    *count = o.members.failed ? 0 : o.count;
    return o.members.failed ? syn_fail(err, SYN_NO_MEMORY, "out of memory for an outline") : SYN_OK;
}

static enum syn_status check_places(size_t before, size_t near_end, size_t end,
                                    struct syn_error *err)
{
    if (before <= near_end && near_end <= end) return SYN_OK;
    return syn_fail(err, SYN_BAD_RANGE,
                    "outline of what is before byte %zu, near text up to %zu: expected places in "
                    "order, up to %zu",
                    before, near_end, end);
}

enum syn_status syn_outline(const struct syn_document *doc, size_t before, size_t near_end,
                            struct syn_outline_part *out, size_t max, size_t *count,
                            struct syn_error *err)
{
    *count = 0;
    enum syn_status status = check_places(before, near_end, doc->length, err);
    if (status != SYN_OK || !doc->tree) return status;
    return outline_of(doc, doc->tree, before, near_end, out, max, count, err);
}

enum syn_status syn_hole_outline(const struct syn_hole *hole, size_t before, size_t near_end,
                                 struct syn_outline_part *out, size_t max, size_t *count,
                                 struct syn_error *err)
{
    *count = 0;
    const struct syn_document *doc = hole->doc;
    size_t start = syn_line_start(doc, syn_lines_find(&doc->lines, hole->start));
    size_t end = syn_line_end(doc, syn_lines_find(&doc->lines, hole->end));
    enum syn_status status = check_places(before, near_end, start, err);
    if (status != SYN_OK || !hole->tree) return status;
    struct syn_hole lines;
    uint32_t last = last_visible(doc, (uint32_t)near_end);
    status = syn_hole_widen(hole, (uint32_t)start, (uint32_t)end, last == UINT32_MAX ? 0 : last,
                            &lines, err);
    if (status == SYN_OK)
        status = outline_of(doc, lines.tree, before, near_end, out, max, count, err);
    syn_hole_release(&lines);
    return status;
}
