/* brackets.h: which brackets and quotes a piece of text leaves open. Private to syntax/. */
#ifndef ESPALIER_SYNTAX_BRACKETS_H
#define ESPALIER_SYNTAX_BRACKETS_H

#include <stdbool.h>
#include <stddef.h>

struct gram_language;

#define SYN_MAX_BRACKETS 64

/* What a text is inside of, at one end of it. */
struct syn_quote {
    char mark;   /* '"', '\'', '`', '*' for a block comment, '/' for a line comment, 0: code */
    bool triple; /* """ or ''' */
};

struct syn_brackets {
    char open[SYN_MAX_BRACKETS]; /* openers without a closer, outermost first */
    size_t depth;
    char surplus[SYN_MAX_BRACKETS]; /* closers without an opener, in their order */
    size_t surplus_count;
    struct syn_quote quote; /* what the end of the text is inside of */
};

/* Scans text[len], which starts inside of `start`. Brackets in strings and comments do not
 * count; a plain string ends with its line. Brackets past the maximum are left out. */
void syn_scan_brackets(struct syn_brackets *out, const struct gram_language *lang,
                       struct syn_quote start, const char *text, size_t len);

/* What the text right of the cursor starts inside of, judged by the rest of it: a quote
 * left over on its first line, or an odd number of long quotes, closes what came before. */
struct syn_quote syn_scan_quote_before(const struct gram_language *lang, const char *text,
                                       size_t len);

/* What must stand between two texts for their brackets and quotes to match: `closers` for
 * what the left one leaves open and the right one does not close, `openers` for what the
 * right one closes and nobody opened. Both zero-terminated, SYN_MAX_BRACKETS + 8 bytes. */
void syn_match_brackets(const struct syn_brackets *left, const struct syn_brackets *right,
                        struct syn_quote right_start, char *closers, char *openers);

#endif
