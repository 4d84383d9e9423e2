/* pattern.h: what to look for in a tree, as data.
 *
 * A pattern is the text of a tree-sitter query: one or more S-expressions with captures, and
 * predicates that a match has to satisfy. Names of captures are the caller's. Public beside
 * syntax.h; the same rules of threads, ownership and errors hold. A pattern is not changed after
 * it was made and may be run from several threads at once.
 *
 * Predicates, where @a and @b are captures and W... words in quotes. Each may be negated by "not-"
 * in front of its name. One that speaks of a capture that a match does not have holds (negated or
 * not), so that optional parts can be spoken of.
 *
 *   #eq? @a W             the text is W, or that of another capture
 *   #any-of? @a W...      the text is one of these
 *   #match? @a W          the text has a match of this POSIX extended regular expression
 *   #same? @a @b          the same tokens, whatever white space and comments lie between them
 *   #kind? @a W...        its language-neutral kind is one of these (grammars.h)
 *   #within? @a W...      a node around it, inside of the same function, is of one of these types
 *   #has? @a W...         it, or a node in it, is of one of these types
 *   #contains? @a W...    one of its tokens is one of these
 *   #pure? @a             no call, assignment, creation or the like in it
 *   #empty? @a            nothing named in it but comments
 *   #alone? @a            it is all that a branch of an if, a switch or a try consists of
 *   #commented? @a        a comment in it, behind it on the line that it ends on, or above the line
 *                         that it starts on
 *   #line? @a @b          they start on the same line
 *   #ends? @a             control does not leave it at its end: it returns, throws, breaks ...
 *   #may-end? @a          the same, or it ends in a call that is known not to return
 *   #unread? @a @b        the name @a stands in @b in no other place
 *   #stays? @a @b W...    in @b the name @a is used for nothing but its members; with words, also
 *                         as an argument of one of these functions, and to be compared
 *   #member? @a @b W...   in @b one of these members of the name @a is used
 *   #repeated? @a @b [@c] an earlier child of @b has the same tokens where this one has @a; @c,
 *                         which the pattern has to have anywhere, stands for these then
 *   #rebinds-outer? @a W  a loop around the one that binds @a binds the same name in its field W,
 *                         and reads it once more behind the inner one
 *   #formats? @a @b W [N] the string @a asks for as many values as the list @b has behind its
 *                         first N (default 0); W: printf, percent, braces. Where that cannot be
 *                         told, it does
 *   #boolean? @a [W...]   a truth value of the language's own: a comparison, a negation, "and" or
 *                         "or" of such, true or false; of other operators W, too
 *   #tested? @a           only whether it holds counts: it is a condition, or part of one
 *   #last? @a W...        it ends where a node of one of these kinds ends: function, loop, ...
 *   #declares? @a         it is a declaration, or a block with one directly in it
 *   #mentions? @a @b      one of its tokens is written as @b is
 *   #statement? @a        it stands among others in a block, the file or a case
 *   #only? @a             nothing but it and comments is in what it is in
 *   #one-line? @a         it begins and ends on the same line
 *   #some? @a             it stands for something (of what may stand for nothing)
 *   #begins? @a W...      its first token is one of these
 *   #unmentioned? @a @b   the last word of @a is nowhere else in the text of @b, comments included
 *   #once? @a @b          the name @a stands in @b in one other place
 *   #read-behind? @a @b   the name @a stands behind @b, in the function around @b or in the file
 *   #assigned? @a @b      the name @a is given a value or stepped in @b, or its address is taken
 *   #left-open? @a @b W...  between where the name @a is bound and where, further down in the same
 *                         block, a statement with one of these words speaks of it, there is a
 *                         return or throw that does not: @b, which the pattern has to have
 *                         anywhere, stands for it then
 */
#ifndef ESPALIER_SYNTAX_PATTERN_H
#define ESPALIER_SYNTAX_PATTERN_H

#include "syntax/syntax.h"

#define SYN_PATTERN_CAPTURES 24    /* names in one pattern */
#define SYN_PATTERN_BYTES    65536 /* of its text */

struct syn_pattern;

/* Compiles text[len]. SYN_BAD_GRAMMAR with a line number when it is no query of this language,
 * names a predicate that is none, or gives one the wrong arguments. */
enum syn_status syn_pattern_new(const struct gram_language *lang, const char *text, size_t len,
                                struct syn_pattern **out, struct syn_error *err);
void syn_pattern_free(struct syn_pattern *pattern);

/* Id of a capture, from 0; -1 when the pattern has none of this name (without "@"). */
int syn_pattern_capture(const struct syn_pattern *pattern, const char *name);

/* Where a match's captures lie, by id. A name that captured several nodes: the first of them. */
struct syn_match {
    bool has[SYN_PATTERN_CAPTURES];
    struct syn_span span[SYN_PATTERN_CAPTURES];
};

/* Return false to stop. */
typedef bool (*syn_on_match)(const struct syn_match *match, void *user);

/* Calls visit for each match in a parsed document, in the order of the matches' starts, that
 * overlaps [start, end). A match that has a node with a syntax error in it is none. SYN_CANCELLED
 * when the document's stop flag was set. Without a tree: nothing. */
enum syn_status syn_pattern_run(const struct syn_pattern *pattern, const struct syn_document *doc,
                                size_t start, size_t end, syn_on_match visit, void *user,
                                struct syn_error *err);

#endif
