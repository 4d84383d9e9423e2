/* Features of text that is being written: what a tree would say, told from the left.
 *
 * The middle of a completion has no tree yet, and its features may not look ahead. This
 * file keeps a stack of what is open: first the nodes at the cursor, read from the repaired
 * hole, then what the written tokens open themselves. A token is handled in two steps, cut
 * back what it ends, then (after its record is made) push what it starts. Four roles say
 * what ends an entry:
 *
 *   LEAF       a name, number or closed bracket: a node of its own until the next token
 *              shows whether it was the left end of something larger
 *   OPERAND    the left end of an operator expression; a following operator that binds
 *              no tighter folds what is above it
 *   STATEMENT  ends at a terminator, or at a line's end where the language says so
 *   CONTAINER  a bracket, block, body or file: ends at its closer, keyword or dedent
 *
 * It is operator-precedence parsing with the languages' common denominator: no grammar, no
 * types, bounded memory. Where it cannot know, it keeps what is open.
 */
#include "syntax/frames.h"
#include "syntax/hole.h"

#include "grammars/grammars.h"

#include <stdlib.h>
#include <string.h>

enum role { ROLE_LEAF, ROLE_OPERAND, ROLE_STATEMENT, ROLE_CONTAINER };

enum style {
    STYLE_NEWLINE = 1,       /* a line's end can end a statement */
    STYLE_INDENT = 2,        /* blocks are indented suites */
    STYLE_END = 4,           /* blocks end with a keyword */
    STYLE_HASH = 8,          /* "#" starts a comment */
    STYLE_SLASHES = 16,      /* "//" and "/ *" start comments */
    STYLE_DASHES = 32,       /* "--" starts a comment */
    STYLE_APOSTROPHE = 64,   /* an apostrophe is no quote */
    STYLE_COLON = 128,       /* ":" at a line's end opens a block */
    STYLE_MULTILINE = 256,   /* plain quotes may span lines */
    STYLE_WHOLE = 512,       /* a string is one node, with none for its content */
    STYLE_DOLLAR = 8192,     /* "$" starts a name */
    STYLE_WORDS = 16384,     /* statements are lists of words, without operators */
    STYLE_BARE = 2048,       /* conditions have no node of their own for their brackets */
    STYLE_SUBSCRIPT = 4096,  /* a subscript's brackets are a node */
    STYLE_DECLARATOR = 1024, /* a declared function's name starts a node with its parameters */
};

enum rank {
    RANK_JUXTAPOSED = 0,
    RANK_ASSIGN = 1,
    RANK_TERNARY = 2,
    RANK_UNARY = 14,
    RANK_POSTFIX = 15,
    RANK_BARE = 16, /* of a bracket: its node is the one around it */
};

static uint16_t style_of(const struct gram_language *lang)
{
    static const struct {
        const char *id;
        uint16_t style;
    } styles[] = {
        {"python", STYLE_NEWLINE | STYLE_INDENT | STYLE_HASH | STYLE_COLON},
        {"haskell", STYLE_NEWLINE | STYLE_INDENT | STYLE_DASHES | STYLE_APOSTROPHE | STYLE_WHOLE},
        {"ruby", STYLE_NEWLINE | STYLE_END | STYLE_HASH | STYLE_MULTILINE},
        {"lua", STYLE_NEWLINE | STYLE_END | STYLE_DASHES},
        {"bash",
         STYLE_NEWLINE | STYLE_END | STYLE_HASH | STYLE_MULTILINE | STYLE_DOLLAR | STYLE_WORDS},
        {"go", STYLE_NEWLINE | STYLE_SLASHES},
        {"kotlin", STYLE_NEWLINE | STYLE_SLASHES | STYLE_BARE | STYLE_SUBSCRIPT},
        {"csharp", STYLE_SLASHES | STYLE_BARE | STYLE_SUBSCRIPT},
        {"scala", STYLE_NEWLINE | STYLE_SLASHES | STYLE_WHOLE},
        {"javascript", STYLE_NEWLINE | STYLE_SLASHES},
        {"typescript", STYLE_NEWLINE | STYLE_SLASHES},
        {"tsx", STYLE_NEWLINE | STYLE_SLASHES},
        {"rust", STYLE_SLASHES | STYLE_APOSTROPHE},
        {"c", STYLE_SLASHES | STYLE_DECLARATOR},
        {"cpp", STYLE_SLASHES | STYLE_DECLARATOR},
        {"php", STYLE_SLASHES | STYLE_HASH | STYLE_MULTILINE | STYLE_DOLLAR},
    };
    for (size_t i = 0; lang && i < sizeof styles / sizeof *styles; i++)
        if (!strcmp(lang->id, styles[i].id)) return styles[i].style;
    return STYLE_SLASHES;
}

/* ---- The stack --------------------------------------------------------------------- */

static void push(struct syn_middle *m, int32_t start, enum role role, uint8_t kind, uint8_t opener,
                 uint8_t rank, uint16_t column)
{
    if (m->length == SYN_MIDDLE_DEPTH) { /* the outermost level goes out of sight */
        if (m->start[0] < 0 || m->start[0] != m->start[1]) m->hidden++;
        size_t n = SYN_MIDDLE_DEPTH - 1;
        memmove(m->start, m->start + 1, n * sizeof *m->start);
        memmove(m->column, m->column + 1, n * sizeof *m->column);
        memmove(m->kind, m->kind + 1, n);
        memmove(m->opener, m->opener + 1, n);
        memmove(m->sibling, m->sibling + 1, n);
        memmove(m->role, m->role + 1, n);
        memmove(m->rank, m->rank + 1, n);
        m->length--;
    }
    unsigned at = m->length++;
    m->start[at] = start;
    m->column[at] = column;
    m->kind[at] = kind;
    m->opener[at] = opener;
    m->sibling[at] = 0;
    m->role[at] = (uint8_t)role;
    m->rank[at] = rank;
}

static int top(const struct syn_middle *m)
{
    return (int)m->length - 1;
}

static bool is_expression(const struct syn_middle *m, int at)
{
    return at >= 0 && m->role[at] <= ROLE_OPERAND;
}

static bool is_quote_entry(const struct syn_middle *m, int at)
{
    return at >= 0 && (m->opener[at] == '"' || m->opener[at] == '\'' || m->opener[at] == '`' ||
                       m->opener[at] == '#');
}

/* The rank of a quote's entry. */
enum { QUOTE_MULTILINE = 1, QUOTE_WHOLE = 2 };

/* Has the language no node for what is in this kind of string? */
static uint8_t whole_string(const struct syn_middle *m, char mark)
{
    bool raw = mark == '\'' && (m->style & STYLE_WORDS);
    return raw || (m->style & STYLE_WHOLE) ? QUOTE_WHOLE : 0;
}

/* The entry of the string or comment that is being written, -1 outside of them. A string's
 * content may be a node of its own on top of it. */
static int quote(const struct syn_middle *m)
{
    int at = top(m);
    if (at > 0 && m->role[at] == ROLE_LEAF && is_quote_entry(m, at - 1)) return at - 1;
    return is_quote_entry(m, at) ? at : -1;
}

static void cut_expressions(struct syn_middle *m)
{
    while (is_expression(m, top(m)))
        m->length--;
}

/* Back to the innermost container. */
static void cut_statement(struct syn_middle *m)
{
    while (m->length > 0 && m->role[top(m)] != ROLE_CONTAINER)
        m->length--;
}

/* ---- Words and operators ----------------------------------------------------------- */

static bool is_word_byte(uint8_t c)
{
    return c == '_' || c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

static bool one_of(const char *word, size_t len, const char *list)
{
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, " ");
        if (n == len && !memcmp(p, word, len)) return true;
        p += n + (p[n] == ' ');
    }
    return false;
}

/* Kind of the statement that a keyword starts. */
static uint8_t statement_kind(const char *word, size_t len)
{
    static const struct {
        uint8_t kind;
        const char *words;
    } rows[] = {
        {GRAM_KIND_IF, "if unless elif else"},
        {GRAM_KIND_LOOP, "for while do until loop foreach repeat"},
        {GRAM_KIND_SWITCH, "switch match case when select default"},
        {GRAM_KIND_TRY, "try with catch except finally defer rescue ensure begin using"},
        {GRAM_KIND_JUMP, "return break continue throw raise yield goto next redo"},
        {GRAM_KIND_IMPORT, "import from package use using include require namespace"},
        {GRAM_KIND_CLASS, "class struct enum interface trait impl module object union"},
        {GRAM_KIND_FUNCTION, "def fn func fun function"},
        {GRAM_KIND_DECLARATION, "let const var val local static int char void auto type"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (one_of(word, len, rows[i].words)) return rows[i].kind;
    return GRAM_KIND_STATEMENT;
}

/* Does a comment start with this token? */
static bool starts_comment(const struct syn_middle *m, const char *token, size_t len)
{
    if ((m->style & STYLE_HASH) && token[0] == '#') return true;
    if (len < 2) return false;
    if ((m->style & STYLE_SLASHES) && token[0] == '/' && (token[1] == '/' || token[1] == '*'))
        return true;
    return (m->style & STYLE_DASHES) && token[0] == '-' && token[1] == '-';
}

/* Words between two operands. */
static uint8_t word_rank(const char *word, size_t len)
{
    if (one_of(word, len, "or")) return 3;
    if (one_of(word, len, "and")) return 4;
    if (one_of(word, len, "if else")) return RANK_TERNARY;
    if (one_of(word, len, "in is not instanceof")) return 9;
    if (one_of(word, len, "as")) return 13;
    return 0;
}

/* Words after which an operand comes. */
static bool wants_operand(const char *word, size_t len)
{
    return one_of(word, len,
                  "return in not and or if else elif yield await case throw raise new typeof "
                  "delete assert while import from is lambda do then for match switch when "
                  "unless until of echo go defer void instanceof as async with except");
}

/* Words after which "{" opens a block. */
static bool wants_block(const char *word, size_t len)
{
    return one_of(word, len, "else try do finally static unsafe loop init get set default");
}

/* What the word says of the bracket or operand after it. */
static void note_word(struct syn_middle *m, const char *word, size_t len)
{
    m->operand = !wants_operand(word, len);
    m->block = wants_block(word, len);
    m->bare = one_of(word, len, "for foreach catch using") ||
              ((m->style & STYLE_BARE) && one_of(word, len, "if while switch lock fixed"));
}

static uint8_t operator_rank(const char *op, size_t len)
{
    char a = op[0], b = len > 1 ? op[1] : 0, c = len > 2 ? op[2] : 0;
    if ((a == '.' && b != '.') || (a == '-' && b == '>') || (a == ':' && b == ':') ||
        (a == '?' && b == '.') || (a == '+' && b == '+') || (a == '-' && b == '-') ||
        (a == '!' && b != '='))
        return RANK_POSTFIX;
    if (a == '=' && b != '=' && b != '~') return RANK_ASSIGN;
    if (strchr("+-*/%&|^:.", a) && b == '=') return RANK_ASSIGN;
    if ((a == '<' || a == '>') && b == a && c == '=') return RANK_ASSIGN;
    if (a == ':') return RANK_ASSIGN;
    if (a == '?') return b == '?' ? 3 : RANK_TERNARY;
    if (a == '|') return b == '|' ? 3 : 5;
    if (a == '&') return b == '&' ? 4 : 7;
    if (a == '^') return 6;
    if (a == '=' || a == '!') return 8;
    if ((a == '<' || a == '>') && b == a) return 10;
    if (a == '<' || a == '>') return 9;
    if (a == '+' || a == '-') return 11;
    return 12;
}

static uint8_t operator_kind(uint8_t rank)
{
    switch (rank) {
    case RANK_POSTFIX:
        return GRAM_KIND_MEMBER;
    case RANK_ASSIGN:
        return GRAM_KIND_ASSIGN;
    case RANK_TERNARY:
        return GRAM_KIND_CONDITIONAL;
    default:
        return GRAM_KIND_BINARY;
    }
}

/* An operator of this rank follows: fold what binds at least as tightly, and make what is
 * left its left operand. Assignments group to the right. */
static void fold(struct syn_middle *m, uint8_t rank, uint8_t kind)
{
    uint8_t binds = rank == RANK_ASSIGN ? RANK_ASSIGN + 1 : rank;
    while (is_expression(m, top(m)) && is_expression(m, top(m) - 1) &&
           m->role[top(m) - 1] == ROLE_OPERAND && m->rank[top(m) - 1] >= binds)
        m->length--;
    int at = top(m);
    if (!is_expression(m, at)) return;
    m->role[at] = ROLE_OPERAND;
    m->rank[at] = rank;
    m->kind[at] = kind;
    m->sibling[at] = 1;
}

/* ---- The cursor -------------------------------------------------------------------- */

/* Role and rank of an inherited node. */
static enum role inherited_role(const struct syn_frame *frame, uint8_t opener, uint8_t *rank)
{
    *rank = RANK_JUXTAPOSED;
    if (opener) return ROLE_CONTAINER;
    switch (frame->kind) {
    case GRAM_KIND_NAME:
    case GRAM_KIND_NUMBER:
    case GRAM_KIND_STRING:
        return ROLE_LEAF;
    case GRAM_KIND_MEMBER:
    case GRAM_KIND_CALL:
    case GRAM_KIND_INDEX:
        *rank = RANK_POSTFIX;
        return ROLE_OPERAND;
    case GRAM_KIND_UNARY:
        *rank = RANK_UNARY;
        return ROLE_OPERAND;
    case GRAM_KIND_ASSIGN:
    case GRAM_KIND_PAIR:
        *rank = RANK_ASSIGN;
        return ROLE_OPERAND;
    case GRAM_KIND_CONDITIONAL:
        *rank = RANK_TERNARY;
        return ROLE_OPERAND;
    case GRAM_KIND_BINARY:
        *rank = 11;
        return ROLE_OPERAND;
    case GRAM_KIND_PARAMETER:
    case GRAM_KIND_TYPE:
    case GRAM_KIND_LIST:
    case GRAM_KIND_OTHER:
        return ROLE_OPERAND;
    case GRAM_KIND_FILE:
    case GRAM_KIND_BLOCK:
    case GRAM_KIND_ERROR:
        return ROLE_CONTAINER;
    default:
        return ROLE_STATEMENT;
    }
}

/* The bracket that a node starts with, where its closer has not been written. */
static uint8_t open_bracket(const struct syn_hole *hole, const struct syn_frame *frame)
{
    char c = hole->doc->text[frame->start];
    if (ts_node_child_count(frame->node) == 0) return 0;
    return c && strchr("([{", c) ? (uint8_t)c : 0;
}

/* A bracket inside the node, not at its start, that is open at `end`; 0 when there is none. */
static uint8_t inner_bracket(const struct syn_hole *hole, const struct syn_frame *frame,
                             uint32_t end)
{
    if (frame->kind == GRAM_KIND_FILE || frame->kind == GRAM_KIND_BLOCK) return 0;
    TSTreeCursor cursor = ts_tree_cursor_new(frame->node);
    uint8_t open = 0;
    if (ts_tree_cursor_goto_first_child(&cursor)) {
        do {
            TSNode child = ts_tree_cursor_current_node(&cursor);
            uint32_t at = ts_node_start_byte(child);
            if (at >= end) break;
            if (ts_node_end_byte(child) != at + 1) continue;
            char c = hole->doc->text[at];
            if (c && strchr("([{", c)) open = (uint8_t)c;
            if (c && strchr(")]}", c)) open = 0;
        } while (ts_tree_cursor_goto_next_sibling(&cursor));
    }
    ts_tree_cursor_delete(&cursor);
    return open;
}

static uint16_t column_of(const struct syn_document *doc, size_t offset)
{
    size_t start = syn_line_start(doc, syn_lines_find(&doc->lines, offset));
    return offset - start > UINT16_MAX ? UINT16_MAX : (uint16_t)(offset - start);
}

/* First byte of a string's quote: what stands before it are prefix letters. */
static uint32_t quote_at(const char *text, uint32_t start, uint32_t end)
{
    uint32_t at = start;
    while (at < end && at < start + 4 && text[at] && !strchr("\"'`", text[at]))
        at++;
    return at < end && text[at] && strchr("\"'`", text[at]) ? at : end;
}

static bool is_triple(const char *text, uint32_t at, uint32_t end)
{
    return at + 2 < end && text[at + 1] == text[at] && text[at + 2] == text[at];
}

/* True when a node that ends with the last byte before the cursor cannot go on: it has
 * its closing bracket or quote, or its terminator. */
static bool is_complete(const struct syn_hole *hole, const struct syn_frame *frame, uint32_t end,
                        bool newline)
{
    if (frame->end > end) return false;
    const char *text = hole->doc->text;
    char last = text[end - 1], first = text[frame->start];
    if (frame->kind == GRAM_KIND_COMMENT)
        return newline || (last == '/' && first == '/' && text[frame->start + 1] == '*');
    if (frame->kind == GRAM_KIND_STRING) {
        uint32_t at = quote_at(text, frame->start, end);
        return at + 1 < end && text[at] == last;
    }
    switch (last) {
    case ';':
        return true;
    case ')':
        return first == '(';
    case ']':
        return first == '[';
    case '}':
        return first == '{';
    default:
        return false;
    }
}

/* Where the line up to `end` is left inside a string or comment that starts on it; `end`
 * when it is not. */
static uint32_t open_quote(const struct syn_middle *m, const struct syn_document *doc, uint32_t end)
{
    const char *text = doc->text;
    uint32_t at = (uint32_t)syn_line_start(doc, syn_lines_find(&doc->lines, end)), from = end;
    for (char inside = 0; at < end; at++) {
        char c = text[at];
        if (inside) {
            if (c == '\\')
                at++;
            else if (c == inside)
                inside = 0, from = end;
        } else if (c == '"' || c == '`' || (c == '\'' && !(m->style & STYLE_APOSTROPHE))) {
            inside = c;
            from = at;
        } else if (starts_comment(m, text + at, end - at)) {
            return at;
        }
    }
    return from;
}

/* The prefix token that holds the byte; -1 before the window. */
static int32_t token_at(const struct syn_span *spans, size_t n, uint32_t at)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (spans[mid].end <= at)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && spans[lo].start <= at ? (int32_t)lo : -1;
}

/* Pushes a string or comment that is open at the cursor and starts at byte `start`, and
 * its content if that has begun. */
static void inherit_quote(struct syn_middle *m, const struct syn_hole *hole, uint32_t start,
                          uint32_t end, const struct syn_span *spans, size_t n)
{
    const char *text = hole->doc->text;
    uint32_t at = quote_at(text, start, end);
    bool comment = at == end || starts_comment(m, text + start, end - start);
    bool triple = !comment && is_triple(text, at, end);
    bool many_lines = triple || (comment && end > start + 1 && text[start + 1] == '*');
    push(m, token_at(spans, n, start), ROLE_CONTAINER,
         comment ? GRAM_KIND_COMMENT : GRAM_KIND_STRING, comment ? '#' : (uint8_t)text[at],
         (uint8_t)((many_lines ? QUOTE_MULTILINE : 0) | (comment ? 0 : whole_string(m, text[at]))),
         column_of(hole->doc, start));
    m->sibling[top(m)] = 1;
    uint32_t content = at + (triple ? 3 : 1);
    if (!comment && content < end && !(m->rank[top(m)] & QUOTE_WHOLE))
        push(m, token_at(spans, n, content), ROLE_LEAF, GRAM_KIND_STRING, 0, RANK_JUXTAPOSED, 0);
}

/* Pushes the nodes around the last byte before the cursor (which ends at `end`) that may
 * still be open. A completed bracket stays as the left end of what may follow it. */
static void inherit(struct syn_middle *m, const struct syn_hole *hole, const struct syn_frames *f,
                    uint32_t end)
{
    const struct syn_document *doc = hole->doc;
    uint32_t lexed = hole->cost > 0 && !m->fresh ? open_quote(m, doc, end) : end;
    for (size_t i = 0; i < f->depth; i++) {
        const struct syn_frame *frame = &f->frame[i];
        if (frame->start >= lexed) break;
        if (frame->token == SYN_IN_FILLING) continue;
        bool leaf = ts_node_child_count(frame->node) == 0;
        if (leaf && !ts_node_is_named(frame->node)) break;
        bool complete = is_complete(hole, frame, end, m->fresh);
        if (complete && (doc->text[end - 1] == ';' || frame->kind == GRAM_KIND_COMMENT)) break;
        bool quoted = frame->kind == GRAM_KIND_STRING || frame->kind == GRAM_KIND_COMMENT;
        bool nested = i + 2 < f->depth && ts_node_child_count(f->frame[i + 1].node) > 0;
        if (quoted && !complete && !nested &&
            (frame->kind == GRAM_KIND_COMMENT || quote_at(doc->text, frame->start, end) < end)) {
            inherit_quote(m, hole, frame->start, end, f->spans, f->count);
            const struct syn_frame *content = i + 1 < f->depth ? &f->frame[i + 1] : NULL;
            if (content && frame->kind == GRAM_KIND_COMMENT && content->token >= 0)
                push(m, content->token, ROLE_LEAF, content->kind, 0, RANK_JUXTAPOSED, 0);
            return;
        }
        uint8_t opener = complete ? 0 : open_bracket(hole, frame), rank = RANK_JUXTAPOSED;
        if (opener && i + 1 < f->depth && f->frame[i + 1].start == frame->start &&
            ts_node_child_count(f->frame[i + 1].node) > 0)
            opener = 0; /* the bracket belongs to the node inside */
        enum role role = complete ? ROLE_LEAF : inherited_role(frame, opener, &rank);
        if (role == ROLE_OPERAND && frame->kind == GRAM_KIND_CALL && (m->style & STYLE_WORDS))
            role = ROLE_STATEMENT; /* a command */
        uint16_t column = column_of(doc, frame->start);
        push(m, frame->token, role, frame->kind, opener, rank, column);
        m->sibling[top(m)] = frame->child > 254 ? 255 : (uint8_t)(frame->child + 1);
        if (complete) break;
        uint8_t inner = opener || leaf ? 0 : inner_bracket(hole, frame, end);
        if (!inner) continue;
        push(m, frame->token, ROLE_CONTAINER, frame->kind, inner, RANK_BARE, column);
        m->sibling[top(m)] = m->sibling[top(m) - 1];
    }
    if (lexed < end) inherit_quote(m, hole, lexed, end, f->spans, f->count);
}

void syn_middle_begin(struct syn_middle *m, const struct syn_hole *hole,
                      const struct syn_span *spans, size_t n_prefix)
{
    const struct syn_document *doc = hole->doc;
    memset(m, 0, sizeof *m);
    for (unsigned l = 0; l < SYN_LEVELS; l++)
        m->last.chain[l] = -1;
    m->last.segment = SYN_SEGMENT_MIDDLE;
    m->word_start = -1;
    m->style = style_of(doc->lang);
    uint32_t cut = n_prefix ? spans[n_prefix - 1].end : 0;
    m->at_column = column_of(doc, cut);

    uint32_t end = cut;
    while (end > 0 && syn_is_space(doc->text[end - 1]))
        if (doc->text[--end] == '\n') m->fresh = 1;
    if (end == 0) m->fresh = 1;
    if (end == 0 || !hole->tree) return;
    m->last_byte = (uint8_t)doc->text[end - 1];
    m->in_word = end == cut && is_word_byte(m->last_byte);
    m->operand = strchr(")]}\"'`", m->last_byte) != NULL;
    uint32_t word = end;
    while (word > 0 && is_word_byte((uint8_t)doc->text[word - 1]))
        word--;
    if (word < end) note_word(m, doc->text + word, end - word);

    size_t last = n_prefix; /* the last token that is not white space */
    uint32_t *anchors = malloc((n_prefix + 1) * sizeof *anchors);
    struct syn_frames frames;
    if (!anchors || !syn_frames_begin(&frames, hole->tree, doc->tables, syn_hole_mapping(hole),
                                      spans, anchors, n_prefix)) {
        free(anchors);
        return;
    }
    for (size_t i = 0; i < n_prefix; i++) {
        anchors[i] = syn_anchor(doc->text, spans[i]);
        if (anchors[i] != UINT32_MAX) last = i;
    }
    if (last < n_prefix && syn_frames_move(&frames, anchors[last])) {
        syn_frames_read(&frames, (int32_t)last, &m->last);
        m->last.segment = SYN_SEGMENT_MIDDLE;
    }
    if (syn_frames_move(&frames, end - 1)) inherit(m, hole, &frames, end);
    if (m->in_word && m->length > 0) m->word_start = m->start[top(m)];
    syn_frames_end(&frames);
    free(anchors);
}

/* ---- Tokens ------------------------------------------------------------------------ */

/* The record of token index: the entries that start before it. */
static void write_record(const struct syn_middle *m, int32_t index, struct syn_record *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned l = 0; l < SYN_LEVELS; l++)
        out->chain[l] = -1;
    out->segment = SYN_SEGMENT_MIDDLE;
    unsigned depth = 0;
    int32_t before = -2;
    int inner = top(m);
    while (inner >= 0 && m->start[inner] == index)
        inner--;
    for (int at = inner; at >= 0; at--) {
        if (m->start[at] == before && before >= 0) continue;
        before = m->start[at];
        if (depth < SYN_LEVELS) out->chain[depth] = before;
        depth++;
    }
    depth += m->hidden;
    out->depth = depth > 255 ? 255 : (uint8_t)depth;
    if (inner >= 0) {
        out->kind = m->kind[inner];
        out->sibling = m->sibling[inner];
    }
}

static void count_child(struct syn_middle *m)
{
    int at = top(m);
    if (at >= 0 && m->sibling[at] < 255) m->sibling[at]++;
}

/* A line's end was seen before this token, or a terminator: does a statement start here? */
static bool starts_statement(const struct syn_middle *m, const char *token, size_t len)
{
    int at = top(m);
    while (at >= 0 && m->role[at] != ROLE_CONTAINER)
        at--;
    uint8_t bracket = at >= 0 ? m->opener[at] : 0;
    if (bracket == '(' || bracket == '[') return false;
    if (bracket == '{' && (m->kind[at] == GRAM_KIND_MAP || m->kind[at] == GRAM_KIND_LIST))
        return false;
    if (m->last_byte == ';' || m->last_byte == '{') return true;
    bool word = is_word_byte((uint8_t)*token);
    if (m->last_byte == '}')
        return word && !one_of(token, len, "else catch finally while except elif") &&
               (m->fresh || !m->operand);
    if (!m->fresh) return false;
    if (!(m->style & STYLE_NEWLINE))
        return word && (m->last_byte == ')' || m->last_byte == ':' || m->last_byte == 0);
    if (m->style & STYLE_INDENT) return m->last_byte != '\\';
    if (strchr(")]},;.=|&?:+/%^<>", *token) && *token) return false;
    return m->last_byte == 0 || !strchr(",(=|&?+*/%^.", m->last_byte);
}

/* Indented suites: what a line that starts at this column ends. */
static void dedent(struct syn_middle *m, const char *token, size_t len)
{
    bool branch = one_of(token, len, "else elif except finally");
    while (m->length > 1) {
        int at = top(m);
        if (m->opener[at]) return;
        bool container = m->role[at] == ROLE_CONTAINER;
        uint16_t column = m->column[at];
        bool clause = m->role[at - 1] == ROLE_STATEMENT && m->column[at - 1] == column;
        if (container ? column <= m->at_column
                      : column < m->at_column || (branch && column == m->at_column && !clause))
            return;
        m->length--;
    }
}

/* Cuts back for a statement that starts with this token; true when a block starts too. */
static bool begin_statement(struct syn_middle *m, const char *token, size_t len)
{
    cut_expressions(m);
    if ((m->style & STYLE_INDENT) && m->fresh) {
        int at = top(m);
        bool suite = at >= 0 && m->role[at] == ROLE_STATEMENT && m->column[at] < m->at_column;
        if (suite && (m->last_byte == ':' || !(m->style & STYLE_COLON))) return true;
        dedent(m, token, len);
        return false;
    }
    if (m->style & STYLE_END) {
        int at = top(m);
        bool opens = at >= 0 && m->role[at] == ROLE_STATEMENT && m->kind[at] >= GRAM_KIND_IF &&
                     m->kind[at] <= GRAM_KIND_TRY;
        opens = opens || (at >= 0 && m->role[at] == ROLE_STATEMENT &&
                          (m->kind[at] == GRAM_KIND_FUNCTION || m->kind[at] == GRAM_KIND_CLASS));
        if (one_of(token, len,
                   "end fi done esac else elsif elseif elif when rescue ensure until")) {
            if (opens) return false;
            cut_statement(m);
            if (m->length > 1 && !m->opener[top(m)]) m->length--;
            return false;
        }
        if (opens && m->fresh) return true;
    }
    bool nested = !(m->style & STYLE_NEWLINE) && (m->last_byte == ')' || m->last_byte == ':');
    if (!nested) cut_statement(m);
    return false;
}

static uint8_t closer_for(uint8_t opener)
{
    return opener == '(' ? ')' : opener == '[' ? ']' : opener == '{' ? '}' : opener;
}

/* Pops down to and including the bracket that this closer closes; the closed bracket may
 * be the left end of an expression. */
static void close_bracket(struct syn_middle *m, uint8_t closer, uint16_t column)
{
    int at = top(m);
    while (at >= 0 && closer_for(m->opener[at]) != closer)
        at--;
    if (at < 0) return;
    int32_t start = m->start[at];
    uint8_t kind = m->kind[at];
    bool bare = m->rank[at] == RANK_BARE;
    m->length = (uint16_t)at;
    if (!bare && !is_expression(m, top(m)) && closer != '}')
        push(m, start, ROLE_LEAF, kind, 0, RANK_JUXTAPOSED, column);
}

static uint8_t bracket_kind(const struct syn_middle *m, uint8_t opener)
{
    if (opener == '(') return m->operand ? GRAM_KIND_ARGUMENTS : GRAM_KIND_PAREN;
    if (opener == '[') return m->operand ? GRAM_KIND_INDEX : GRAM_KIND_LIST;
    if (opener == '{') return m->operand || m->block ? GRAM_KIND_BLOCK : GRAM_KIND_MAP;
    return GRAM_KIND_STRING;
}

static bool is_quote(const struct syn_middle *m, uint8_t c)
{
    if (c == '\'') return !(m->style & STYLE_APOSTROPHE);
    return c == '"' || c == '`';
}

/* Inside a string or comment: the token is content, or it ends it. */
/* Ends the string or comment of entry `at`; a string may be the left end of more. */
static void end_quote(struct syn_middle *m, int at)
{
    int32_t start = m->start[at];
    uint16_t column = m->column[at];
    bool comment = m->opener[at] == '#';
    m->length = (uint16_t)at;
    if (comment) return;
    m->operand = 1;
    if (!is_expression(m, top(m)) || m->role[top(m)] == ROLE_OPERAND)
        push(m, start, ROLE_LEAF, GRAM_KIND_STRING, 0, RANK_JUXTAPOSED, column);
}

static void end_line_in_quote(struct syn_middle *m)
{
    int at = quote(m);
    bool comment = m->opener[at] == '#';
    bool goes_on = (m->rank[at] & QUOTE_MULTILINE) ||
                   (!comment && (m->opener[at] == '`' || (m->style & STYLE_MULTILINE)));
    if (!goes_on) end_quote(m, at);
}

/* Inside a string or comment: the token is content, or it ends it. */
static void next_in_quote(struct syn_middle *m, int32_t index, const char *token, size_t len,
                          struct syn_record *out)
{
    int at = quote(m);
    uint8_t opener = m->opener[at];
    bool comment = opener == '#', triple = !comment && (m->rank[at] & QUOTE_MULTILINE);
    bool closer = !comment && len == 1 && (uint8_t)*token == opener && !m->escaped;
    if (comment) {
        write_record(m, index, out);
        if ((m->rank[at] & QUOTE_MULTILINE) && len >= 2 && !memcmp(token + len - 2, "*/", 2))
            end_quote(m, at);
        return;
    }
    if (!closer || (triple && m->quotes == 0)) m->length = (uint16_t)(at + 1 + (at < top(m)));
    if (closer && (!triple || m->quotes == 0)) m->length = (uint16_t)(at + 1);
    write_record(m, index, out);
    if (closer && (!triple || m->quotes == 2)) {
        m->quotes = triple ? 0 : (uint8_t)(m->quotes + 1);
        end_quote(m, at);
        return;
    }
    if (closer) m->quotes++;
    if (top(m) == at && !(m->rank[at] & QUOTE_WHOLE))
        push(m, index, ROLE_LEAF, GRAM_KIND_STRING, 0, RANK_JUXTAPOSED, m->at_column);
}

/* Is the innermost container a bracket in a language whose brackets may hold clauses? */
static bool in_comprehension(const struct syn_middle *m)
{
    int at = top(m);
    while (at >= 0 && m->role[at] != ROLE_CONTAINER)
        at--;
    return at >= 0 && m->opener[at] && (m->style & STYLE_COLON);
}

static void next_word(struct syn_middle *m, int32_t index, const char *token, size_t len,
                      bool statement, struct syn_record *out)
{
    uint8_t rank = m->operand && !statement ? word_rank(token, len) : 0;
    bool digit = *token >= '0' && *token <= '9', clause = false;
    if (m->last_byte == '}' && one_of(token, len, "else catch finally while")) {
        cut_expressions(m);
        rank = 0;
    }
    if (!statement && in_comprehension(m) && one_of(token, len, "for if async")) {
        int at = top(m);
        while (is_expression(m, at))
            at--;
        bool loop = at >= 0 && m->role[at] == ROLE_STATEMENT;
        clause = *token != 'i' || (loop && m->opener[at] == 0);
        if (clause) cut_statement(m);
    }
    if (clause) {
        rank = 0;
    } else if (rank) {
        fold(m, rank, operator_kind(rank));
    } else if (m->operand && is_expression(m, top(m)) && m->role[top(m)] == ROLE_LEAF) {
        int at = top(m);
        bool named = at > 0 && m->role[at - 1] == ROLE_STATEMENT &&
                     m->start[at - 1] != m->start[at] &&
                     (m->kind[at - 1] == GRAM_KIND_FUNCTION || m->kind[at - 1] == GRAM_KIND_CLASS ||
                      m->kind[at - 1] == GRAM_KIND_DECLARATION);
        if (named || (is_expression(m, at - 1) && m->rank[at - 1] == RANK_JUXTAPOSED)) {
            m->length--;
        } else {
            m->role[at] = ROLE_OPERAND;
            m->rank[at] = RANK_JUXTAPOSED;
            m->sibling[at] = 1;
        }
    }
    write_record(m, index, out);
    count_child(m);
    bool keyword = wants_operand(token, len);
    if (statement || clause) {
        push(m, index, ROLE_STATEMENT, statement_kind(token, len), 0, 0, m->at_column);
        m->sibling[top(m)] = 1;
    }
    if (!keyword && !rank && !clause &&
        !(statement && statement_kind(token, len) != GRAM_KIND_STATEMENT))
        push(m, index, ROLE_LEAF, digit ? GRAM_KIND_NUMBER : GRAM_KIND_NAME, 0, RANK_JUXTAPOSED,
             m->at_column);
    note_word(m, token, len);
    if (rank) m->operand = 0;
    m->word_start = index;
}

/* A block starts: the expressions before it are the head of its statement, unless it is the
 * body of a function that is itself an operand. */
static void leave_head(struct syn_middle *m)
{
    int at = top(m);
    bool assigned = false;
    for (; is_expression(m, at); at--)
        assigned |= m->role[at] == ROLE_OPERAND && m->rank[at] == RANK_ASSIGN;
    if (at >= 0 && m->role[at] == ROLE_STATEMENT && !assigned)
        cut_expressions(m);
    else if (m->operand && is_expression(m, top(m)) && m->role[top(m)] == ROLE_LEAF)
        m->length--;
}

/* In a language of words: what follows without a space belongs to the word before. */
static void next_shell_word(struct syn_middle *m, int32_t index, const char *token, size_t len,
                            bool spaced, bool statement, struct syn_record *out)
{
    bool separates = strchr("|&<>", *token) != NULL;
    if (spaced || statement || separates)
        while (is_expression(m, top(m)))
            m->length--;
    write_record(m, index, out);
    bool joined = is_expression(m, top(m));
    if (!joined) count_child(m);
    if (statement) {
        push(m, index, ROLE_STATEMENT, statement_kind(token, len), 0, 0, m->at_column);
        m->sibling[top(m)] = 1;
    }
    if (!joined && !separates)
        push(m, index, ROLE_LEAF, GRAM_KIND_NAME, 0, RANK_JUXTAPOSED, m->at_column);
    m->operand = 0;
    m->word_start = index;
}

static void next_bracket(struct syn_middle *m, int32_t index, uint8_t c, struct syn_record *out)
{
    int at = top(m);
    bool leaf = at > 0 && m->role[at] == ROLE_LEAF;
    bool names =
        leaf && ((m->role[at - 1] == ROLE_STATEMENT && m->start[at - 1] != m->start[at] &&
                  (m->kind[at - 1] == GRAM_KIND_FUNCTION || m->kind[at - 1] == GRAM_KIND_CLASS ||
                   (m->kind[at - 1] == GRAM_KIND_DECLARATION && !(m->style & STYLE_DECLARATOR)))) ||
                 (m->role[at - 1] == ROLE_OPERAND && m->rank[at - 1] == 0 &&
                  !(m->style & STYLE_DECLARATOR)));
    if (c == '(' && names) {
        m->length--; /* what is declared or made, not what is called */
    } else if (c == '(' || c == '[') {
        if (m->operand) fold(m, RANK_POSTFIX, c == '(' ? GRAM_KIND_CALL : GRAM_KIND_INDEX);
    } else if (c == '{' && (m->operand || m->block)) {
        leave_head(m);
    }
    write_record(m, index, out);
    count_child(m);
    bool bare = (c == '(' && m->bare) || (c == '[' && m->operand && !(m->style & STYLE_SUBSCRIPT));
    if (bare && top(m) >= 0) {
        at = top(m);
        push(m, m->start[at], ROLE_CONTAINER, m->kind[at], c, RANK_BARE, m->column[at]);
        m->sibling[top(m)] = m->sibling[top(m) - 1];
    } else {
        push(m, index, ROLE_CONTAINER, bracket_kind(m, c), c, 0, m->at_column);
        m->sibling[top(m)] = 1;
    }
    m->bare = 0;
    m->block = 0;
    m->operand = 0;
}

static void next_closer(struct syn_middle *m, int32_t index, uint8_t c, struct syn_record *out)
{
    int at = top(m);
    while (at >= 0 && closer_for(m->opener[at]) != c)
        at--;
    if (at >= 0) m->length = (uint16_t)(at + 1);
    write_record(m, index, out);
    close_bracket(m, c, m->at_column);
    m->operand = 1;
}

/* Between the parts of a conditional or a pair, or at the end of a statement's head. */
static void next_colon(struct syn_middle *m, int32_t index, struct syn_record *out)
{
    int at = top(m);
    bool conditional = false;
    for (; is_expression(m, at); at--)
        conditional |= m->role[at] == ROLE_OPERAND && m->rank[at] == RANK_TERNARY;
    bool head = at >= 0 && m->role[at] == ROLE_STATEMENT && m->kind[at] != GRAM_KIND_STATEMENT &&
                m->kind[at] != GRAM_KIND_DECLARATION;
    if (conditional && !(m->style & STYLE_COLON))
        fold(m, RANK_TERNARY, GRAM_KIND_CONDITIONAL);
    else if (head)
        cut_expressions(m);
    else if (m->operand)
        fold(m, RANK_ASSIGN, GRAM_KIND_PAIR);
    write_record(m, index, out);
    count_child(m);
    m->operand = 0;
}

static void next_operator(struct syn_middle *m, int32_t index, const char *token, size_t len,
                          struct syn_record *out)
{
    if (*token == ',' || *token == ';') {
        cut_expressions(m);
        if (*token == ';')
            while (m->length > 1 && m->role[top(m)] != ROLE_CONTAINER &&
                   m->role[top(m) - 1] != ROLE_CONTAINER)
                m->length--;
        else if (m->last_byte == '}')
            cut_statement(m);
        write_record(m, index, out);
        count_child(m);
        m->operand = 0;
        return;
    }
    if (*token == ':' && len == 1) {
        next_colon(m, index, out);
        return;
    }
    m->block =
        len >= 2 && token[len - 1] == '>' && (token[len - 2] == '=' || token[len - 2] == '-');
    if (m->operand) {
        uint8_t rank = operator_rank(token, len);
        fold(m, rank, operator_kind(rank));
        write_record(m, index, out);
        count_child(m);
    } else {
        write_record(m, index, out);
        count_child(m);
        uint8_t sigil = *token == '@' || *token == '$';
        push(m, index, ROLE_OPERAND, sigil ? GRAM_KIND_NAME : GRAM_KIND_UNARY, 0,
             sigil ? RANK_POSTFIX : RANK_UNARY, m->at_column);
        m->sibling[top(m)] = 1;
    }
    m->operand = 0;
}

/* A third quote after an empty string: it was the opening of a longer one. */
static void open_triple(struct syn_middle *m, uint8_t c)
{
    int at = top(m);
    if (at < 0 || m->role[at] != ROLE_LEAF) return;
    m->role[at] = ROLE_CONTAINER;
    m->opener[at] = c;
    m->rank[at] = 1;
    m->quotes = 0;
}

/* A token that is not white space, outside strings and comments. */
static void next_code(struct syn_middle *m, int32_t index, const char *token, size_t len,
                      bool spaced, struct syn_record *out)
{
    uint8_t c = (uint8_t)*token;
    if (starts_comment(m, token, len)) {
        cut_expressions(m);
        write_record(m, index, out);
        push(m, index, ROLE_CONTAINER, GRAM_KIND_COMMENT, '#', token[1] == '*', m->at_column);
        return;
    }
    bool statement = starts_statement(m, token, len) && c != '}';
    if (statement && c == '{') m->block = 1;
    if (statement) {
        bool block = begin_statement(m, token, len);
        m->operand = 0;
        if (block) {
            push(m, index, ROLE_CONTAINER, GRAM_KIND_BLOCK, 0, 0, m->at_column);
        }
    }
    bool dollar = c == '$' && len == 1 && (m->style & STYLE_DOLLAR);
    if ((m->style & STYLE_WORDS) && !strchr("(){}[];\"'`,", c)) {
        next_shell_word(m, index, token, len, spaced, statement, out);
        return;
    }
    if (is_word_byte(c) || dollar) {
        next_word(m, index, token, len, statement, out);
        return;
    }
    if (is_quote(m, c) && len == 1) {
        write_record(m, index, out);
        if (m->quotes == 2 && !spaced) {
            open_triple(m, c);
            return;
        }
        m->quotes = 1;
        count_child(m);
        if (statement) push(m, index, ROLE_STATEMENT, GRAM_KIND_STATEMENT, 0, 0, m->at_column);
        push(m, index, ROLE_CONTAINER, GRAM_KIND_STRING, c, whole_string(m, (char)c), m->at_column);
    } else if (c == '(' || c == '[' || c == '{') {
        if (statement) {
            write_record(m, index, out);
            push(m, index, ROLE_STATEMENT, GRAM_KIND_STATEMENT, 0, 0, m->at_column);
        }
        next_bracket(m, index, c, out);
    } else if (c == ')' || c == ']' || c == '}') {
        next_closer(m, index, c, out);
    } else {
        next_operator(m, index, token, len, out);
    }
}

void syn_middle_next(struct syn_middle *m, int32_t index, const char *text, size_t len,
                     struct syn_record *out)
{
    size_t skip = 0;
    bool newline = false;
    while (skip < len && syn_is_space(text[skip]))
        newline |= text[skip++] == '\n';
    m->at_column = newline ? 0 : m->at_column;
    if (skip > 0) m->in_word = 0;
    if (newline && quote(m) >= 0) end_line_in_quote(m);
    if (newline) m->fresh = 1;
    m->at_column = (uint16_t)(m->at_column + skip);
    if (skip == len) {
        *out = m->last;
        out->segment = SYN_SEGMENT_MIDDLE;
        return;
    }
    const char *token = text + skip;
    size_t token_len = len - skip;
    bool word = is_word_byte((uint8_t)*token);
    if (quote(m) >= 0) {
        next_in_quote(m, index, token, token_len, out);
    } else if (m->in_word && word) {
        write_record(m, index, out);
    } else {
        next_code(m, index, token, token_len, skip > 0, out);
    }
    if (token_len != 1 || !is_quote(m, (uint8_t)*token)) m->quotes = 0;
    bool backslash = token[token_len - 1] == '\\';
    m->escaped = backslash && !(m->escaped && token_len == 1);
    m->in_word = is_word_byte((uint8_t)token[token_len - 1]) ||
                 (token[token_len - 1] == '$' && (m->style & STYLE_DOLLAR));
    m->last_byte = (uint8_t)token[token_len - 1];
    m->fresh = 0;
    m->at_column = (uint16_t)(m->at_column + token_len);
    m->last = *out;
}
