/* What cannot come next.
 *
 * A model draws token by token, and most of what would be wrong is cheaper not to draw than to cut
 * off afterwards. What can be told without a parse for each token are brackets, quotes and
 * comments: those open at the cursor are read off the repaired hole's tree, which knows a
 * bracket from a character in a string; those of the text written since by the plain scan of
 * brackets.c.
 *
 * Only what is certain is refused. Where the tree and the brackets disagree, where the cursor is
 * in something that the scan does not know (a raw string, a here-document, code inside a string),
 * and behind the first quote or comment of a token, everything may follow.
 */
#include "syntax/brackets.h"
#include "syntax/hole.h"

#include <string.h>

_Static_assert(SYN_FOLLOW_DEPTH >= SYN_MAX_BRACKETS, "what a text opens fits on top of nothing");

/* Nodes looked at to learn what is open at a cursor. */
enum { MAX_NODES = 10000 };

/* Bytes of a comment that is not ended. */
enum { MAX_COMMENT = 4096 };

/* Bytes in front of the cursor that are scanned where the tree has errors. */
enum { MAX_SCAN = 2048 };

static bool is_language(const struct syn_follow *f, const char *list)
{
    const char *id = f->lang->id, *at = strstr(list, id);
    size_t n = strlen(id);
    for (; at; at = strstr(at + 1, id))
        if ((at == list || at[-1] == ' ') && (at[n] == 0 || at[n] == ' ')) return true;
    return false;
}

static char opener_of(char c)
{
    return c == ')' ? '(' : c == ']' ? '[' : c == '}' ? '{' : 0;
}

static bool is_opener(char c)
{
    return c == '(' || c == '[' || c == '{';
}

/* A shell's patterns end with a closer that nothing opens. */
static bool is_bracket(const struct syn_follow *f, char c)
{
    if ((c == '(' || c == ')') && f->shell) return false;
    return is_opener(c) || opener_of(c);
}

static void open_bracket(struct syn_follow *f, char c)
{
    if (f->depth == SYN_FOLLOW_DEPTH)
        f->unknown = true;
    else
        f->open[f->depth++] = c;
}

static void close_bracket(struct syn_follow *f, char c)
{
    if (f->depth > 0 && f->open[f->depth - 1] == opener_of(c))
        f->depth--;
    else
        f->unknown = true;
}

/* ---- At the cursor ------------------------------------------------------------------- */

static void take_token(struct syn_follow *f, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_bracket(f, text[i])) continue;
        if (is_opener(text[i]))
            open_bracket(f, text[i]);
        else
            close_bracket(f, text[i]);
    }
}

/* The string or comment of the tree that holds the cursor. */
static void take_quote(struct syn_follow *f, const char *text, uint32_t start, uint32_t end)
{
    const char *mark = f->lang->line_comment;
    size_t len = end - start, n = mark ? strlen(mark) : 0;
    text += start;
    if (len >= 2 && text[0] == '/' && text[1] == '*')
        f->mark = '*';
    else if (n > 0 && len >= n && memcmp(text, mark, n) == 0)
        f->mark = '/';
    else if (text[0] == '"' || text[0] == '\'' || text[0] == '`')
        f->mark = text[0];
    else
        f->unknown = true;
    f->triple = f->mark != '`' && len >= 3 && text[1] == text[0] && text[2] == text[0] &&
                (f->mark == '"' || f->mark == '\'');
}

/* The innermost node around the cursor so far, and whether one further out is a string. */
struct around {
    TSNode quote;
    bool quoted, inside_quoted;
};

/* Notes a node that goes on behind the cursor. Of what is inside a string only its plain content
 * is taken for one. */
static void look_at(struct around *a, const struct syn_hole *hole, TSNode node)
{
    uint8_t kind = syn_kind_of(hole->doc->tables, node);
    if (kind == GRAM_KIND_STRING || kind == GRAM_KIND_COMMENT) {
        if (!a->quoted) a->quote = node;
        a->quoted = true;
    } else if (a->quoted && ts_node_child_count(node) > 0) {
        a->inside_quoted = true;
    }
}

/* A name or a number; what else is one token for the grammar (a macro's text, a pragma) may hold
 * brackets of its own. */
static bool is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!syn_is_word(text[i])) return false;
    return true;
}

/* Does the last mark of a comment in front of the cursor start one? Where the tree has none, that
 * is for want of its end. */
static bool lacks_comment_end(const char *text, size_t at)
{
    size_t stop = at > MAX_COMMENT ? at - MAX_COMMENT : 0;
    for (; at >= stop + 2; at--) {
        if (text[at - 2] == '/' && text[at - 1] == '*') return true;
        if (text[at - 2] == '*' && text[at - 1] == '/') return false;
    }
    return false;
}

/* A comment to the line's end goes on behind a cursor at its end. */
static bool goes_on(const struct syn_hole *hole, TSNode node, uint32_t start)
{
    if (syn_kind_of(hole->doc->tables, node) != GRAM_KIND_COMMENT) return false;
    const char *mark = hole->doc->lang->line_comment;
    return mark && strncmp(hole->doc->text + start, mark, strlen(mark)) == 0 &&
           strncmp(hole->doc->text + start, "/*", 2) != 0;
}

/* Brackets among the tokens in front of the cursor, of nodes that hold it or have an error; those
 * of all others match. */
static void read_tree(struct syn_follow *f, const struct syn_hole *hole)
{
    const char *text = hole->doc->text;
    uint32_t at = hole->start;
    struct around around = {.quoted = false};
    TSTreeCursor cursor = ts_tree_cursor_new(ts_tree_root_node(hole->tree));
    bool more = true;
    for (unsigned n = 0; more; n++) {
        TSNode node = ts_tree_cursor_current_node(&cursor);
        uint32_t start = ts_node_start_byte(node), end = ts_node_end_byte(node);
        if (start >= at) break;
        if (n == MAX_NODES) {
            f->unknown = true;
            break;
        }
        bool holds = end > at, leaf = ts_node_child_count(node) == 0;
        if (holds || (end == at && goes_on(hole, node, start))) look_at(&around, hole, node);
        if (leaf && !holds && ts_node_is_missing(node))
            take_token(f, ts_node_type(node), strlen(ts_node_type(node)));
        else if (leaf && !holds && !ts_node_is_named(node))
            take_token(f, text + start, end - start);
        else if (leaf && end >= at && !around.quoted && !is_plain(text + start, at - start))
            f->unknown = true;
        if (!leaf && (end >= at || ts_node_has_error(node)) &&
            ts_tree_cursor_goto_first_child(&cursor))
            continue;
        while (more && !ts_tree_cursor_goto_next_sibling(&cursor))
            more = ts_tree_cursor_goto_parent(&cursor);
    }
    ts_tree_cursor_delete(&cursor);
    f->unknown |= around.inside_quoted;
    if (around.quoted) take_quote(f, text, ts_node_start_byte(around.quote), at);
}

/* Does a plain scan of the text just in front of the cursor find the same open? Where the tree has
 * errors, it need not know what a quote or bracket belongs to. */
static bool scan_agrees(const struct syn_follow *f, const struct syn_document *doc, uint32_t at)
{
    struct syn_brackets scan;
    size_t from = at > MAX_SCAN ? at - MAX_SCAN : 0;
    if (from > 0) from = syn_line_start(doc, syn_lines_find(&doc->lines, from) + 1);
    if (from >= at) return false;
    syn_scan_brackets(&scan, f->lang, (struct syn_quote){0}, doc->text + from, at - from);
    return scan.quote.mark == f->mark && scan.depth <= f->depth &&
           memcmp(scan.open, f->open + f->depth - scan.depth, scan.depth) == 0;
}

void syn_follow_begin(const struct syn_hole *hole, struct syn_follow *out)
{
    *out = (struct syn_follow){.lang = hole->doc->lang, .unknown = !hole->tree};
    if (out->unknown) return;
    out->shell = is_language(out, "bash");
    out->lines = is_language(out, "bash ruby php rust haskell");
    out->block_comments = is_language(out, "c cpp csharp java kotlin scala go rust php");
    out->block_comments &= !lacks_comment_end(hole->doc->text, hole->start);
    read_tree(out, hole);
    if (hole->cost > 0) out->unknown |= !scan_agrees(out, hole->doc, hole->start);
    if (hole->start > 0) out->last = hole->doc->text[hole->start - 1];
    out->escaped = out->last == '\\';
    out->twice = hole->start > 1 && hole->doc->text[hole->start - 2] == out->last;
}

/* ---- Behind a text -------------------------------------------------------------------- */

/* Does a mark of two or three bytes lie across the cursor? */
static bool joins(const struct syn_follow *begin, char c)
{
    char last = begin->last;
    if (begin->escaped) return true;
    if (last == '/' || last == '-' || last == '{') return c == last || c == '*' || c == '-';
    return begin->twice && c == last && (c == '"' || c == '\'');
}

void syn_follow_at(const struct syn_follow *begin, const char *text, size_t len,
                   struct syn_follow *out)
{
    *out = *begin;
    if (begin->unknown || len == 0) return;
    if (joins(begin, text[0])) {
        out->unknown = true;
        return;
    }
    struct syn_brackets scan;
    syn_scan_brackets(&scan, begin->lang, (struct syn_quote){begin->mark, begin->triple}, text,
                      len);
    for (size_t i = 0; i < scan.surplus_count; i++)
        close_bracket(out, scan.surplus[i]);
    for (size_t i = 0; i < scan.depth; i++)
        open_bracket(out, scan.open[i]);
    out->mark = scan.quote.mark;
    out->triple = scan.quote.triple;
    out->last = text[len - 1];
    size_t slashes = 0;
    while (slashes < len && text[len - 1 - slashes] == '\\')
        slashes++;
    out->escaped = slashes % 2 || (out->last == '\'' && !out->mark); /* a character, or a tick */
}

static bool string_admits(const struct syn_follow *f, const char *text, size_t len)
{
    if (f->lines || f->triple || f->mark == '`') return true;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n' || text[i] == '\r') return false;
        if (text[i] == f->mark || text[i] == '\\') return true;
    }
    return true;
}

static bool code_admits(const struct syn_follow *f, const char *text, size_t len)
{
    struct syn_follow after;
    after.depth = f->depth;
    after.unknown = false;
    memcpy(after.open, f->open, f->depth);
    char last = f->last;
    for (size_t i = 0; i < len; last = text[i++]) {
        char c = text[i];
        if (strchr("\"'`\\#", c) || (c == last && (c == '/' || c == '-'))) return true;
        if (c == '/' && last == '*' && f->block_comments) return false;
        if (!is_bracket(f, c)) continue;
        if (is_opener(c))
            open_bracket(&after, c);
        else
            close_bracket(&after, c);
        if (after.unknown) return false;
    }
    return true;
}

bool syn_follow_admits(const struct syn_follow *f, const char *text, size_t len)
{
    if (f->unknown || f->escaped) return true;
    if (f->mark == '*' || f->mark == '/') return true;
    return f->mark ? string_admits(f, text, len) : code_admits(f, text, len);
}
