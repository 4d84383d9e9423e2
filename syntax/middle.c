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
#include "syntax/middle.h"

#include "grammars/grammars.h"

#include <string.h>

void syn_middle_push(struct syn_middle *m, int32_t start, enum syn_role role, uint8_t kind,
                     uint8_t opener, uint8_t rank, uint16_t column)
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

static bool is_quote_entry(const struct syn_middle *m, int at)
{
    return at >= 0 && (m->opener[at] == '"' || m->opener[at] == '\'' || m->opener[at] == '`' ||
                       m->opener[at] == '#');
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
    bool word = syn_is_word(*token);
    if (m->last_byte == '}')
        return word && !syn_one_of(token, len, "else catch finally while except elif") &&
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
    bool branch = syn_one_of(token, len, "else elif except finally");
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
        if (syn_one_of(token, len,
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
        syn_middle_push(m, start, ROLE_LEAF, kind, 0, RANK_JUXTAPOSED, column);
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
        syn_middle_push(m, start, ROLE_LEAF, GRAM_KIND_STRING, 0, RANK_JUXTAPOSED, column);
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
        syn_middle_push(m, index, ROLE_LEAF, GRAM_KIND_STRING, 0, RANK_JUXTAPOSED, m->at_column);
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
    uint8_t rank = m->operand && !statement ? syn_word_rank(token, len) : 0;
    bool digit = *token >= '0' && *token <= '9', clause = false;
    if (m->last_byte == '}' && syn_one_of(token, len, "else catch finally while")) {
        cut_expressions(m);
        rank = 0;
    }
    if (!statement && in_comprehension(m) && syn_one_of(token, len, "for if async")) {
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
        fold(m, rank, syn_operator_kind(rank));
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
    bool keyword = syn_wants_operand(token, len);
    if (statement || clause) {
        syn_middle_push(m, index, ROLE_STATEMENT, syn_statement_kind(token, len), 0, 0,
                        m->at_column);
        m->sibling[top(m)] = 1;
    }
    if (!keyword && !rank && !clause &&
        !(statement && syn_statement_kind(token, len) != GRAM_KIND_STATEMENT))
        syn_middle_push(m, index, ROLE_LEAF, digit ? GRAM_KIND_NUMBER : GRAM_KIND_NAME, 0,
                        RANK_JUXTAPOSED, m->at_column);
    syn_note_word(m, token, len);
    if (rank) m->operand = 0;
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
        syn_middle_push(m, index, ROLE_STATEMENT, syn_statement_kind(token, len), 0, 0,
                        m->at_column);
        m->sibling[top(m)] = 1;
    }
    if (!joined && !separates)
        syn_middle_push(m, index, ROLE_LEAF, GRAM_KIND_NAME, 0, RANK_JUXTAPOSED, m->at_column);
    m->operand = 0;
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
        syn_middle_push(m, m->start[at], ROLE_CONTAINER, m->kind[at], c, RANK_BARE, m->column[at]);
        m->sibling[top(m)] = m->sibling[top(m) - 1];
    } else {
        syn_middle_push(m, index, ROLE_CONTAINER, bracket_kind(m, c), c, 0, m->at_column);
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
        uint8_t rank = syn_operator_rank(token, len);
        fold(m, rank, syn_operator_kind(rank));
        write_record(m, index, out);
        count_child(m);
    } else {
        write_record(m, index, out);
        count_child(m);
        uint8_t sigil = *token == '@' || *token == '$';
        syn_middle_push(m, index, ROLE_OPERAND, sigil ? GRAM_KIND_NAME : GRAM_KIND_UNARY, 0,
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
    if (syn_starts_comment(m, token, len)) {
        cut_expressions(m);
        write_record(m, index, out);
        syn_middle_push(m, index, ROLE_CONTAINER, GRAM_KIND_COMMENT, '#', token[1] == '*',
                        m->at_column);
        return;
    }
    bool statement = starts_statement(m, token, len) && c != '}';
    if (statement && c == '{') m->block = 1;
    if (statement) {
        bool block = begin_statement(m, token, len);
        m->operand = 0;
        if (block) {
            syn_middle_push(m, index, ROLE_CONTAINER, GRAM_KIND_BLOCK, 0, 0, m->at_column);
        }
    }
    bool dollar = c == '$' && len == 1 && (m->style & STYLE_DOLLAR);
    if ((m->style & STYLE_WORDS) && !strchr("(){}[];\"'`,", c)) {
        next_shell_word(m, index, token, len, spaced, statement, out);
        return;
    }
    if (syn_is_word((char)c) || dollar) {
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
        if (statement)
            syn_middle_push(m, index, ROLE_STATEMENT, GRAM_KIND_STATEMENT, 0, 0, m->at_column);
        syn_middle_push(m, index, ROLE_CONTAINER, GRAM_KIND_STRING, c, syn_whole_string(m, (char)c),
                        m->at_column);
    } else if (c == '(' || c == '[' || c == '{') {
        if (statement) {
            write_record(m, index, out);
            syn_middle_push(m, index, ROLE_STATEMENT, GRAM_KIND_STATEMENT, 0, 0, m->at_column);
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
    bool word = syn_is_word(*token);
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
    m->in_word = syn_is_word(token[token_len - 1]) ||
                 (token[token_len - 1] == '$' && (m->style & STYLE_DOLLAR));
    m->last_byte = (uint8_t)token[token_len - 1];
    m->fresh = 0;
    m->at_column = (uint16_t)(m->at_column + token_len);
    m->last = *out;
}
