/* Bracket matching without a tree.
 *
 * Before a text with a hole has a tree, a plain scan already tells most of what has to
 * stand in the hole: the brackets that the text left of it leaves open, against those that
 * the text right of it closes. The scan knows strings and comments by the languages'
 * common rules and nothing else; where it errs, the parser is still the judge of what it
 * led to.
 */
#include "syntax/brackets.h"

#include "grammars/grammars.h"

#include <string.h>

static bool is_opener(char c)
{
    return c == '(' || c == '[' || c == '{';
}

static char partner(char c)
{
    switch (c) {
    case '(':
        return ')';
    case '[':
        return ']';
    case '{':
        return '}';
    case ')':
        return '(';
    case ']':
        return '[';
    default:
        return '{';
    }
}

static bool is_triple(const char *text, size_t at, size_t len)
{
    return at + 2 < len && text[at + 1] == text[at] && text[at + 2] == text[at];
}

/* An apostrophe that starts a lifetime, a label or a primed name, not a character. */
static bool is_tick(const struct gram_language *lang, const char *text, size_t at, size_t len)
{
    if (strcmp(lang->id, "rust") != 0 && strcmp(lang->id, "haskell") != 0) return false;
    if (at + 1 < len && text[at + 1] == '\\') return false;
    return !(at + 2 < len && text[at + 2] == '\'');
}

static bool has_slashes(const struct gram_language *lang)
{
    return lang->line_comment && lang->line_comment[0] == '/';
}

static bool starts_comment(const struct gram_language *lang, const char *text, size_t at,
                           size_t len)
{
    const char *mark = lang->line_comment;
    size_t n = mark ? strlen(mark) : 0;
    if (n == 0 || n > len - at || memcmp(text + at, mark, n) != 0) return false;
    return *mark != '#' || at == 0 || strchr(" \t\n;(", text[at - 1]) != NULL;
}

static void take_bracket(struct syn_brackets *b, char c)
{
    if (is_opener(c)) {
        if (b->depth < SYN_MAX_BRACKETS) b->open[b->depth++] = c;
        return;
    }
    for (size_t at = b->depth; at > 0; at--) {
        if (b->open[at - 1] != partner(c)) continue;
        b->depth = at - 1; /* what is open inside of it is lost */
        return;
    }
    if (b->depth == 0 && b->surplus_count < SYN_MAX_BRACKETS) b->surplus[b->surplus_count++] = c;
}

/* Takes one step inside a string or comment; returns the bytes taken. */
static size_t step_quoted(struct syn_brackets *b, const char *text, size_t at, size_t len)
{
    char c = text[at];
    struct syn_quote *q = &b->quote;
    if (q->mark == '*') {
        bool ends = c == '*' && at + 1 < len && text[at + 1] == '/';
        if (ends) q->mark = 0;
        return ends ? 2 : 1;
    }
    if (c == '\n' && q->mark != '`' && !q->triple) {
        q->mark = 0;
        return 1;
    }
    if (q->mark == '/') return 1;
    if (c == '\\') return 2;
    if (c != q->mark || (q->triple && !is_triple(text, at, len))) return 1;
    size_t n = q->triple ? 3 : 1;
    *q = (struct syn_quote){0};
    return n;
}

static size_t step_code(struct syn_brackets *b, const struct gram_language *lang, const char *text,
                        size_t at, size_t len)
{
    char c = text[at];
    if (starts_comment(lang, text, at, len)) {
        b->quote.mark = '/';
        return 1;
    }
    switch (c) {
    case '/':
        if (!has_slashes(lang) || at + 1 == len || text[at + 1] != '*') return 1;
        b->quote.mark = '*';
        return 2;
    case '"':
    case '\'':
    case '`':
        if (c == '\'' && is_tick(lang, text, at, len)) return 1;
        b->quote.mark = c;
        b->quote.triple = c != '`' && is_triple(text, at, len);
        return b->quote.triple ? 3 : 1;
    case '(':
    case ')':
        /* A shell's patterns end with a closer that nothing opens. */
        if (strcmp(lang->id, "bash") != 0) take_bracket(b, c);
        return 1;
    case '[':
    case '{':
    case ']':
    case '}':
        take_bracket(b, c);
        return 1;
    case '\\':
        return 2;
    default:
        return 1;
    }
}

void syn_scan_brackets(struct syn_brackets *out, const struct gram_language *lang,
                       struct syn_quote start, const char *text, size_t len)
{
    out->depth = 0;
    out->surplus_count = 0;
    out->quote = start;
    for (size_t at = 0; at < len;)
        at +=
            out->quote.mark ? step_quoted(out, text, at, len) : step_code(out, lang, text, at, len);
}

/* How often the long quote or backtick occurs. */
static size_t count_marks(const char *text, size_t len, char mark, bool triple)
{
    size_t n = 0;
    for (size_t at = 0; at < len; at++) {
        if (text[at] == '\\') {
            at++;
        } else if (text[at] == mark && (!triple || is_triple(text, at, len))) {
            n++;
            at += triple ? 2 : 0;
        }
    }
    return n;
}

struct syn_quote syn_scan_quote_before(const struct gram_language *lang, const char *text,
                                       size_t len)
{
    for (const char *mark = "\"'`"; *mark; mark++)
        if (count_marks(text, len, *mark, *mark != '`') % 2)
            return (struct syn_quote){*mark, *mark != '`'};
    for (size_t at = 0; has_slashes(lang) && at + 1 < len; at++) {
        if (text[at] == '/' && text[at + 1] == '*') break;
        if (text[at] == '*' && text[at + 1] == '/') return (struct syn_quote){'*', false};
    }
    const char *newline = memchr(text, '\n', len);
    struct syn_brackets line;
    syn_scan_brackets(&line, lang, (struct syn_quote){0}, text,
                      newline ? (size_t)(newline - text) : len);
    bool left_over = (line.quote.mark == '"' || line.quote.mark == '\'') && !line.quote.triple;
    return left_over ? line.quote : (struct syn_quote){0};
}

static size_t put_quote(char *out, struct syn_quote quote, bool opens)
{
    if (quote.mark == 0 || quote.mark == '/') return 0;
    if (quote.mark == '*') {
        memcpy(out, opens ? "/*" : "*/", 2);
        return 2;
    }
    size_t n = quote.triple ? 3 : 1;
    memset(out, quote.mark, n);
    return n;
}

void syn_match_brackets(const struct syn_brackets *left, const struct syn_brackets *right,
                        struct syn_quote right_start, char *closers, char *openers)
{
    bool same_quote =
        left->quote.mark == right_start.mark && left->quote.triple == right_start.triple;
    size_t common = 0; /* matched from the outside */
    while (common < left->depth && common < right->surplus_count &&
           partner(left->open[common]) == right->surplus[right->surplus_count - 1 - common])
        common++;
    size_t n = same_quote ? 0 : put_quote(closers, left->quote, false);
    for (size_t at = left->depth; at > common; at--)
        closers[n++] = partner(left->open[at - 1]);
    closers[n] = 0;
    n = 0;
    for (size_t at = right->surplus_count - common; at > 0; at--)
        openers[n++] = partner(right->surplus[at - 1]);
    n += same_quote ? 0 : put_quote(openers + n, right_start, true);
    openers[n] = 0;
}
