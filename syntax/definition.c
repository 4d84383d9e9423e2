/* Headers and names of definitions.
 *
 * A definition's header is what a reader of its callers needs: where it starts, its name and
 * parameters, up to the body. Bodies are blocks, lists and maps in the table of kinds, in every
 * language; names sit behind a few field names that grammars agree on. What a grammar puts
 * elsewhere (an import's names, a declarator without a field) is taken from the leaves.
 *
 * It deliberately does not resolve anything: whether a use means this definition is a question
 * for a compiler, and a wrong answer costs a line of context here.
 */
#include "syntax/definition.h"
#include "syntax/frames.h"

#include <string.h>

enum {
    HEADER_NODES = 96,  /* looked at for a header */
    KIND_NODES = 24,    /* for whether it is a function */
    NAME_NODES = 96,    /* for its names */
    NAME_BYTES = 200,   /* of the text of one name, its qualifiers included */
    WHOLE_LINES = 3,    /* up to which a definition without a body is shown whole ... */
    IMPORT_LINES = 6,   /* ... and an import */
    DECLARATOR_MAX = 6, /* levels of a declarator */
};

static TSFieldId field_id(const struct syn_document *doc, const char *name)
{
    return ts_language_field_id_for_name(doc->tables->grammar, name, (uint32_t)strlen(name));
}

void syn_definitions_begin(struct syn_definitions *d, const struct syn_document *doc, TSNode root)
{
    *d = (struct syn_definitions){.doc = doc,
                                  .cursor = ts_tree_cursor_new(root),
                                  .name = field_id(doc, "name"),
                                  .declarator = field_id(doc, "declarator"),
                                  .left = field_id(doc, "left"),
                                  .pattern = field_id(doc, "pattern"),
                                  .parameters = field_id(doc, "parameters")};
}

void syn_definitions_end(struct syn_definitions *d)
{
    ts_tree_cursor_delete(&d->cursor);
}

bool syn_kind_defines(uint8_t kind)
{
    return kind == GRAM_KIND_FUNCTION || kind == GRAM_KIND_CLASS || kind == GRAM_KIND_DECLARATION ||
           kind == GRAM_KIND_IMPORT;
}

uint8_t syn_kind_defined(struct syn_definitions *d, TSNode node)
{
    uint8_t kind = syn_kind_of(d->doc->tables, node);
    if (kind != GRAM_KIND_IMPORT) return kind;
    ts_tree_cursor_reset(&d->cursor, node);
    bool more = ts_tree_cursor_goto_first_child(&d->cursor);
    for (int i = 0; more && i < KIND_NODES; i++) {
        uint8_t inner = syn_kind_of(d->doc->tables, ts_tree_cursor_current_node(&d->cursor));
        if (syn_kind_defines(inner) && inner != GRAM_KIND_IMPORT) return inner;
        more = ts_tree_cursor_goto_next_sibling(&d->cursor);
    }
    return kind;
}

bool syn_is_opener(char c)
{
    return c == '{' || c == '(' || c == '[';
}

uint32_t syn_trimmed_end(const struct syn_document *doc, TSNode node)
{
    uint32_t start = ts_node_start_byte(node), end = ts_node_end_byte(node);
    while (end > start && syn_is_space(doc->text[end - 1]))
        end--;
    return end;
}

bool syn_spans_lines(TSNode node)
{
    return ts_node_end_point(node).row > ts_node_start_point(node).row;
}

/* The next node in document order after the cursor's, whose children are left out unless
 * `enter`; depth counts the levels below the start. False past the last. */
static bool advance(TSTreeCursor *cursor, bool enter, unsigned *depth)
{
    if (enter && ts_tree_cursor_goto_first_child(cursor)) {
        ++*depth;
        return true;
    }
    while (*depth > 0) {
        if (ts_tree_cursor_goto_next_sibling(cursor)) return true;
        ts_tree_cursor_goto_parent(cursor);
        --*depth;
    }
    return false;
}

bool syn_is_function(struct syn_definitions *d, TSNode node)
{
    unsigned depth = 0;
    bool enter = true;
    ts_tree_cursor_reset(&d->cursor, node);
    for (int i = 0; i < KIND_NODES && advance(&d->cursor, enter, &depth); i++) {
        TSNode child = ts_tree_cursor_current_node(&d->cursor);
        uint8_t kind = syn_kind_of(d->doc->tables, child);
        if (kind == GRAM_KIND_FUNCTION) return true;
        bool listed =
            kind == GRAM_KIND_PARAMETERS ||
            (d->parameters && ts_tree_cursor_current_field_id(&d->cursor) == d->parameters);
        /* Parameters of a template or generic type are in other brackets. */
        if (listed && d->doc->text[ts_node_start_byte(child)] == '(') return true;
        if (kind == GRAM_KIND_BLOCK || kind == GRAM_KIND_LIST || kind == GRAM_KIND_MAP)
            return false;
        enter = kind != GRAM_KIND_STRING && kind != GRAM_KIND_PREPROC && !listed;
    }
    return false;
}

/* ---- Headers ------------------------------------------------------------------------ */

static uint32_t line_of(const struct syn_document *doc, uint32_t byte)
{
    return (uint32_t)syn_lines_find(&doc->lines, byte);
}

static bool starts_line(const struct syn_document *doc, uint32_t byte)
{
    uint32_t start = (uint32_t)syn_line_start(doc, line_of(doc, byte));
    while (start < byte && syn_is_space(doc->text[start]))
        start++;
    return start == byte;
}

static bool is_body(uint8_t kind, TSNode node)
{
    return kind == GRAM_KIND_BLOCK ||
           ((kind == GRAM_KIND_LIST || kind == GRAM_KIND_MAP || kind == GRAM_KIND_SWITCH) &&
            syn_spans_lines(node));
}

/* First byte that is no annotation or comment, and where the body starts (UINT32_MAX: there is
 * none within the first lines). */
static void find_body(struct syn_definitions *d, TSNode node, uint32_t *first, uint32_t *body)
{
    const struct syn_document *doc = d->doc;
    unsigned depth = 0;
    bool enter = true, found = false;
    *first = ts_node_start_byte(node);
    *body = UINT32_MAX;
    ts_tree_cursor_reset(&d->cursor, node);
    for (int i = 0; i < HEADER_NODES && advance(&d->cursor, enter, &depth); i++) {
        TSNode child = ts_tree_cursor_current_node(&d->cursor);
        uint8_t kind = syn_kind_of(doc->tables, child);
        uint32_t start = ts_node_start_byte(child);
        enter = false;
        if (kind == GRAM_KIND_PREPROC || kind == GRAM_KIND_COMMENT) continue;
        if (found && line_of(doc, start) >= line_of(doc, *first) + SYN_HEADER_LINES) return;
        if (is_body(kind, child)) {
            *body = start;
            return;
        }
        bool leaf = ts_node_child_count(child) == 0;
        if (leaf && !found) *first = start;
        found |= leaf;
        enter = !leaf && kind != GRAM_KIND_STRING;
    }
}

struct syn_line_range syn_header_of(struct syn_definitions *d, TSNode node, bool bracket)
{
    const struct syn_document *doc = d->doc;
    uint32_t first, body, end = syn_trimmed_end(doc, node);
    uint8_t kind = syn_kind_of(doc->tables, node);
    find_body(d, node, &first, &body);
    struct syn_line_range out = {line_of(doc, first), line_of(doc, first)};
    if (body != UINT32_MAX) {
        bool alone = starts_line(doc, body) && !(bracket && syn_is_opener(doc->text[body]));
        uint32_t line = line_of(doc, body);
        out.last = alone && line > out.first ? line - 1 : line;
    } else if (end > first) {
        uint32_t last = line_of(doc, end - 1);
        uint32_t whole = kind == GRAM_KIND_IMPORT ? IMPORT_LINES : WHOLE_LINES;
        if (last < out.first + whole) out.last = last;
    }
    if (out.last >= out.first + SYN_HEADER_LINES) out.last = out.first + SYN_HEADER_LINES - 1;
    return out;
}

/* ---- Names -------------------------------------------------------------------------- */

struct names {
    struct syn_definitions *d;
    struct syn_span *out;
    size_t count;
    unsigned visits;
};

uint32_t syn_word_before(const char *text, uint32_t from, uint32_t *end)
{
    uint32_t to = *end;
    while (to > from && !syn_is_word(text[to - 1]))
        to--;
    uint32_t start = to;
    while (start > from && syn_is_word(text[start - 1]))
        start--;
    *end = start;
    return to - start;
}

/* The last word of text [start, end): what qualifiers lead to. */
static void add_word(struct names *n, uint32_t start, uint32_t end)
{
    if (end - start > NAME_BYTES) end = start + NAME_BYTES;
    uint32_t from = end, len = syn_word_before(n->d->doc->text, start, &from);
    if (len > 0 && n->count < SYN_DEFINITION_NAMES)
        n->out[n->count++] = (struct syn_span){from, from + len};
}

/* The names on the left of an assignment: `a.b`, `a, b`; `a[i]` and `f(x)` define nothing. */
static void add_targets(struct names *n, TSNode node)
{
    const char *text = n->d->doc->text;
    uint32_t start = ts_node_start_byte(node), end = ts_node_end_byte(node);
    if (end - start > NAME_BYTES) return;
    for (uint32_t i = start; i < end; i++)
        if (text[i] == '[' && i > start && syn_is_word(text[i - 1])) return;
    for (uint32_t i = start; i <= end; i++)
        if (i == end || text[i] == ',') {
            add_word(n, start, i);
            start = i;
        }
}

/* Cursor at a definition or a declarator of it. */
static void collect(struct names *n, unsigned depth)
{
    struct syn_definitions *d = n->d;
    if (!ts_tree_cursor_goto_first_child(&d->cursor)) return;
    do {
        if (n->visits++ >= NAME_NODES) break;
        TSNode child = ts_tree_cursor_current_node(&d->cursor);
        TSFieldId field = ts_tree_cursor_current_field_id(&d->cursor);
        uint8_t kind = syn_kind_of(d->doc->tables, child);
        if (field && field == d->name) {
            add_word(n, ts_node_start_byte(child), ts_node_end_byte(child));
        } else if (field && field == d->declarator) {
            if (ts_node_child_count(child) == 0)
                add_word(n, ts_node_start_byte(child), ts_node_end_byte(child));
            else if (depth < DECLARATOR_MAX)
                collect(n, depth + 1);
        } else if (field && (field == d->left || field == d->pattern)) {
            add_targets(n, child);
        } else if (depth < DECLARATOR_MAX &&
                   (kind == GRAM_KIND_DECLARATION || kind == GRAM_KIND_ASSIGN ||
                    kind == GRAM_KIND_FUNCTION ||
                    (kind == GRAM_KIND_CLASS && (field == 0 || syn_spans_lines(child))))) {
            collect(n, depth + 1); /* what is exported, typed, put into a variable */
        }
    } while (n->count < SYN_DEFINITION_NAMES && ts_tree_cursor_goto_next_sibling(&d->cursor));
    ts_tree_cursor_goto_parent(&d->cursor);
}

/* Named leaves: all of an import, else the first name. */
static void collect_leaves(struct names *n, TSNode node, bool all)
{
    struct syn_definitions *d = n->d;
    unsigned depth = 0;
    bool enter = true;
    ts_tree_cursor_reset(&d->cursor, node);
    for (int i = 0; i < NAME_NODES && advance(&d->cursor, enter, &depth); i++) {
        TSNode child = ts_tree_cursor_current_node(&d->cursor);
        uint8_t kind = syn_kind_of(d->doc->tables, child);
        uint32_t start = ts_node_start_byte(child), end = ts_node_end_byte(child);
        bool leaf = ts_node_named_child_count(child) == 0;
        bool skip = kind == GRAM_KIND_PREPROC || kind == GRAM_KIND_COMMENT ||
                    kind == GRAM_KIND_NUMBER || kind == GRAM_KIND_BLOCK;
        enter = !leaf && !skip && kind != GRAM_KIND_STRING;
        if (skip || !ts_node_is_named(child)) continue;
        if (all ? leaf || kind == GRAM_KIND_STRING : leaf && kind == GRAM_KIND_NAME)
            add_word(n, start, end);
        if (n->count == (all ? SYN_DEFINITION_NAMES : 1)) return;
    }
}

size_t syn_names_of(struct syn_definitions *d, TSNode node,
                    struct syn_span names[SYN_DEFINITION_NAMES])
{
    struct names n = {.d = d, .out = names};
    bool import = syn_kind_defined(d, node) == GRAM_KIND_IMPORT;
    ts_tree_cursor_reset(&d->cursor, node);
    if (!import) collect(&n, 0);
    if (n.count == 0) collect_leaves(&n, node, import);
    return n.count;
}
