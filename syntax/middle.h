/* middle.h: the stack of what is open in a middle. Private to middle.c, inherit.c and
 * words.c. */
#ifndef ESPALIER_SYNTAX_MIDDLE_H
#define ESPALIER_SYNTAX_MIDDLE_H

#include "syntax/hole.h"

/* What ends an entry: see middle.c. */
enum syn_role { ROLE_LEAF, ROLE_OPERAND, ROLE_STATEMENT, ROLE_CONTAINER };

enum syn_style {
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

enum syn_rank {
    RANK_JUXTAPOSED = 0,
    RANK_ASSIGN = 1,
    RANK_TERNARY = 2,
    RANK_UNARY = 14,
    RANK_POSTFIX = 15,
    RANK_BARE = 16, /* of a bracket: its node is the one around it */
};

/* The rank of a quote's entry. */
enum { QUOTE_MULTILINE = 1, QUOTE_WHOLE = 2 };

static inline int top(const struct syn_middle *m)
{
    return (int)m->length - 1;
}

static inline bool is_expression(const struct syn_middle *m, int at)
{
    return at >= 0 && m->role[at] <= ROLE_OPERAND;
}

/* Pushes an entry; at the maximum depth the outermost goes out of sight. */
void syn_middle_push(struct syn_middle *m, int32_t start, enum syn_role role, uint8_t kind,
                     uint8_t opener, uint8_t rank, uint16_t column);

/* ---- What words and operators mean: words.c ------------------------------------------ */

uint16_t syn_style_of(const struct gram_language *lang);

/* Has the language no node for what is in this kind of string? */
uint8_t syn_whole_string(const struct syn_middle *m, char mark);

bool syn_one_of(const char *word, size_t len, const char *list);

/* Kind of the statement that a keyword starts. */
uint8_t syn_statement_kind(const char *word, size_t len);

/* Does a comment start with this token? */
bool syn_starts_comment(const struct syn_middle *m, const char *token, size_t len);

/* Words between two operands. */
uint8_t syn_word_rank(const char *word, size_t len);

/* Words after which an operand comes. */
bool syn_wants_operand(const char *word, size_t len);

/* What the word says of the bracket or operand after it. */
void syn_note_word(struct syn_middle *m, const char *word, size_t len);

uint8_t syn_operator_rank(const char *op, size_t len);

uint8_t syn_operator_kind(uint8_t rank);

#endif
