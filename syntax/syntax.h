/* syntax.h: text in, structure out.
 *
 * A syn_document owns the UTF-8 bytes of one buffer, its line index and its tree-sitter
 * tree, and keeps all three in step under edits. From a document and a cursor,
 * syn_features computes the per-token feature records that the Coder's structure-aware
 * attention reads; syn_middle continues them through the text that the model writes; and
 * syn_candidate_* says where a candidate has to stop and which part of it is well-formed.
 *
 * This folder knows no model, no JSON and no sockets. Tokens reach it as byte spans.
 *
 * Threads: a document and everything made from it belongs to one thread at a time; no
 * function here locks. Different documents may be used from different threads at once.
 * Ownership: what a *_new or *_open function returns is freed by the matching *_free,
 * which takes NULL. Errors: a syn_status; the caller's syn_error, where taken, receives
 * one line that names what was wrong and what was expected (it may be NULL).
 * Offsets are bytes unless a name says otherwise. Documents are capped at SYN_MAX_BYTES.
 */
#ifndef ESPALIER_SYNTAX_H
#define ESPALIER_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYN_MAX_BYTES (64u * 1024u * 1024u)
#define SYN_LEVELS    8

struct gram_language;

enum syn_status {
    SYN_OK = 0,
    SYN_NO_MEMORY,
    SYN_TOO_LARGE,   /* more than SYN_MAX_BYTES */
    SYN_BAD_RANGE,   /* offsets out of order, outside the text or inside a UTF-8 sequence */
    SYN_BAD_TEXT,    /* not UTF-8 */
    SYN_BAD_GRAMMAR, /* grammar ABI not supported, or a query does not compile */
    SYN_TIMEOUT,     /* the time budget ended; call again to go on */
    SYN_CANCELLED,   /* the document's stop flag was set */
};

struct syn_error {
    char text[256];
};

/* ---- Documents --------------------------------------------------------------------- */

struct syn_document;

/* Whether len bytes are UTF-8: SYN_OK, or SYN_BAD_TEXT after a message that names the first byte
 * that is not. For texts that are put into documents later, as those of rules. */
enum syn_status syn_check_text(const char *text, size_t len, struct syn_error *err);

/* Copies len bytes of UTF-8. lang may be NULL: such a document has text and lines, no
 * tree. The tree is not parsed yet: see syn_parse. */
enum syn_status syn_document_new(const struct gram_language *lang, const char *text, size_t len,
                                 struct syn_document **out, struct syn_error *err);
void syn_document_free(struct syn_document *doc);

/* A document of the same text and language that shares nothing mutable with doc: it may go
 * to another thread at once. Keeps what was parsed. */
enum syn_status syn_document_copy(const struct syn_document *doc, struct syn_document **out,
                                  struct syn_error *err);

/* A flag that any thread may set: what parses the document, a copy made afterwards or a hole in
 * either then ends soon, with SYN_CANCELLED. It has to outlive them all; NULL: none, as at first.
 */
void syn_document_set_stop(struct syn_document *doc, const _Atomic int *stop);

const struct gram_language *syn_document_language(const struct syn_document *doc);

/* The bytes, contiguous, followed by one zero byte; valid until the next edit. */
const char *syn_document_text(const struct syn_document *doc, size_t *len);

/* Replaces bytes [start, old_end) by len bytes of UTF-8 and tells tree and line index.
 * On an error the document is unchanged. */
enum syn_status syn_document_edit(struct syn_document *doc, size_t start, size_t old_end,
                                  const char *text, size_t len, struct syn_error *err);

/* Parses incrementally what edits have left stale. budget_us: microseconds to spend, 0
 * for no limit; SYN_TIMEOUT keeps what was done, and the next call goes on from there.
 * A document without a language is always SYN_OK. */
enum syn_status syn_document_parse(struct syn_document *doc, uint64_t budget_us,
                                   struct syn_error *err);

/* True when the tree describes the present text. */
bool syn_document_is_parsed(const struct syn_document *doc);

/* ---- Positions --------------------------------------------------------------------- */

/* Units of a column. LSP's utf-8, utf-16 and utf-32. */
enum syn_encoding { SYN_UTF8, SYN_UTF16, SYN_UTF32 };

/* Lines end at \n, \r\n or \r. line and column are 0-based. */
size_t syn_line_count(const struct syn_document *doc);
/* Start of a line; line == syn_line_count gives the length of the text. */
size_t syn_line_start(const struct syn_document *doc, size_t line);
/* End of a line's content, before its terminator. */
size_t syn_line_end(const struct syn_document *doc, size_t line);

/* Clamps as LSP asks: a column past the end is the end of the line, a line past the end
 * is the end of the text, a column inside a character is the character's start. */
size_t syn_offset_of(const struct syn_document *doc, size_t line, size_t column,
                     enum syn_encoding enc);
void syn_position_of(const struct syn_document *doc, size_t offset, enum syn_encoding enc,
                     size_t *line, size_t *column);

/* ---- Tree features ----------------------------------------------------------------- */

struct syn_span {
    uint32_t start, end; /* bytes of the document, end exclusive */
};

/* Segments, as the prompt lays them out. The numbers are part of the model format. */
enum syn_segment {
    SYN_SEGMENT_CONTEXT = 0,
    SYN_SEGMENT_SUFFIX = 1,
    SYN_SEGMENT_PREFIX = 2,
    SYN_SEGMENT_MIDDLE = 3
};

/* One token's features. A token's anchor is its first byte that is no white space.
 *
 * chain[l]  index (in the array of tokens handed in) of the start token of the l-th
 *           distinct enclosing node, innermost first, that starts strictly before this
 *           token; -1 when there is none or it lies in none of the tokens handed in.
 *           Nodes whose starts fall into one token are one level.
 * depth     length of the whole chain, clamped to 255.
 * kind      enum gram_kind of the innermost such node.
 * sibling   children of that node that start before the child that holds this token,
 *           clamped to 255.
 *
 * A token of white space alone takes the record of the token before it: where the nodes
 * around it end is not known yet when it is written. Nothing here depends on where a node
 * ends or on nodes that start at the token itself. */
struct syn_record {
    int32_t chain[SYN_LEVELS];
    uint8_t depth;
    uint8_t kind;
    uint8_t sibling;
    uint8_t segment;
};

/* The document with a hole [hole_start, hole_end) (empty for a plain cursor), repaired: of
 * the language's candidate fillings, the one that leaves the least ERROR/MISSING cost around
 * the hole stands in it. The document itself is not changed. The search has a fixed budget
 * of parser steps, so the same bytes before and after the hole give the same filling.
 *
 * A hole borrows the document: free it before the next edit. To go on with it elsewhere,
 * open it on a copy. */
struct syn_hole;

enum syn_status syn_hole_open(const struct syn_document *doc, size_t hole_start, size_t hole_end,
                              struct syn_hole **out, struct syn_error *err);
void syn_hole_free(struct syn_hole *hole);

/* The filling that won, zero-terminated; "" when the empty one did. */
const char *syn_hole_filling(const struct syn_hole *hole);
/* Its ERROR/MISSING cost, 0 for a clean tree. */
uint32_t syn_hole_cost(const struct syn_hole *hole);

/* Records of n_prefix tokens that end at or before hole_start and, after them in the same
 * arrays, n_suffix tokens that start at or after hole_end; spans in the document's own
 * bytes, ascending and disjoint. out[n_prefix + n_suffix]; chains index the same array.
 * Segments are set to SYN_SEGMENT_PREFIX and SYN_SEGMENT_SUFFIX. */
enum syn_status syn_hole_features(const struct syn_hole *hole, const struct syn_span *spans,
                                  size_t n_prefix, size_t n_suffix, struct syn_record *out,
                                  struct syn_error *err);

/* Features of a complete text: every token is a prefix token. */
enum syn_status syn_features(const struct syn_document *doc, const struct syn_span *spans, size_t n,
                             struct syn_record *out, struct syn_error *err);

/* Features of the middle: causal by construction. The state starts from the chain at the
 * cursor and is extended by the brackets and blocks that the middle itself opens, and cut
 * by those that it closes. A plain value: copy it to branch, keep a copy to rewind. */
#define SYN_MIDDLE_DEPTH 64
struct syn_middle {
    int32_t start[SYN_MIDDLE_DEPTH];   /* token indices, outermost first */
    uint16_t column[SYN_MIDDLE_DEPTH]; /* where on its line it started */
    uint8_t kind[SYN_MIDDLE_DEPTH];
    uint8_t opener[SYN_MIDDLE_DEPTH];  /* '(', '[', '{', a quote, or 0 for no bracket */
    uint8_t sibling[SYN_MIDDLE_DEPTH]; /* children seen so far */
    uint8_t role[SYN_MIDDLE_DEPTH];    /* what ends it; private to middle.c */
    uint8_t rank[SYN_MIDDLE_DEPTH];    /* of an operator's operands: how tightly it binds */
    uint16_t length;                   /* entries in use */
    uint16_t hidden;                   /* levels further out that did not fit */
    uint16_t at_column;                /* of the next byte */
    uint16_t style;                    /* how the language ends statements */
    uint8_t in_word;                   /* the last byte seen was part of a word */
    uint8_t operand;                   /* the last token ended an operand */
    uint8_t fresh;                     /* the next token starts a line, or a statement */
    uint8_t last_byte;                 /* the last one that was no white space */
    uint8_t bare;                      /* the next bracket is no node of its own */
    uint8_t block;                     /* the next brace opens a block */
    uint8_t quotes;                    /* quotes that came in a row */
    uint8_t escaped;                   /* an odd number of backslashes came last */
    struct syn_record last;            /* what a token of white space repeats */
};

/* The state at the end of the last prefix token handed in (at the start of the text when
 * there is none): what lies between it and the cursor belongs to the middle and is fed to
 * syn_middle_next first. spans and n_prefix are those of the syn_hole_features call. */
void syn_middle_begin(struct syn_middle *m, const struct syn_hole *hole,
                      const struct syn_span *spans, size_t n_prefix);

/* The record of the next middle token, whose index in the caller's array is index and
 * whose bytes are text[len]; advances the state over it. Segment SYN_SEGMENT_MIDDLE. */
void syn_middle_next(struct syn_middle *m, int32_t index, const char *text, size_t len,
                     struct syn_record *out);

/* The relation r(i, j), for j <= i, of query record q (token i) and key record k (token j):
 * what the parent mask holds at (i, j). Prefix and middle count as one segment. */
enum syn_relation {
    SYN_RELATION_ELSEWHERE = 0,
    SYN_RELATION_ANCESTOR_1 = 1, /* ... 8: j is the start token of ancestor level l */
    SYN_RELATION_SAME_NODE = 9,  /* j lies in i's innermost open node */
    SYN_RELATION_SIBLING = 10,   /* j starts an earlier child of that node */
    SYN_RELATION_SEGMENT = 11,   /* j belongs to another segment */
    SYN_RELATION_COUNT = 12
};
unsigned syn_relation_of(const struct syn_record *q, int32_t i, const struct syn_record *k,
                         int32_t j);

/* ---- Outlines ------------------------------------------------------------------------ */

/* Which lines in front of a place say most about it, where not all of them can be shown. */
enum syn_priority {
    SYN_PRIORITY_ENCLOSING = 1, /* headers of what is open at the place, innermost first, then
                                   the lines where branches and the like around it start */
    SYN_PRIORITY_USED = 2,      /* definitions of names in the near text, last use first: their
                                   headers, with those of what they are members of; whole
                                   imports, constants and the like, when they are short */
    SYN_PRIORITY_SIBLING = 3    /* headers of what the same scopes define, nearest first */
};

struct syn_outline_part {
    uint32_t first_line, last_line; /* both included; the lines start before the place */
    uint8_t priority;               /* enum syn_priority */
};

#define SYN_OUTLINE_MAX 256 /* parts that are worth asking for */

/* Up to max parts, most important first, for byte `before`: where the text that is shown in
 * full begins; it goes on at least to near_end, and names are read from between the two. A
 * part never repeats lines of one before it; it may overlap one. near_end lies at or before
 * the start of the line that the hole starts on, and that line's text, the rest of the line
 * that the hole ends on and what stands between them have no influence: while somebody types
 * in a line, the outline stays (unless the text is so large and broken that parsing it without
 * that line was given up). At most some hundred kilobytes in front of the place are
 * looked at. No tree: no parts. */
enum syn_status syn_hole_outline(const struct syn_hole *hole, size_t before, size_t near_end,
                                 struct syn_outline_part *out, size_t max, size_t *count,
                                 struct syn_error *err);

/* The same for a place in a complete text, whose tree is taken as it is. */
enum syn_status syn_outline(const struct syn_document *doc, size_t before, size_t near_end,
                            struct syn_outline_part *out, size_t max, size_t *count,
                            struct syn_error *err);

/* ---- Symbols ------------------------------------------------------------------------ */

/* Something that a text defines, or a place where it imports. What is local to a function is
 * left out. */
struct syn_symbol {
    struct syn_span name;           /* of an import: all of it */
    uint32_t first_line, last_line; /* of its header, both included: see SYN_PRIORITY_USED */
    uint32_t start, end;            /* bytes of all of it */
    int32_t owner; /* the symbol that it is a member of, earlier in the array; -1 */
    uint8_t kind;  /* enum gram_kind: GRAM_KIND_IMPORT, or of the definition */
};

/* Up to max symbols of a parsed document in document order; of one definition with several names
 * there are several. Without a tree: none. */
enum syn_status syn_symbols(const struct syn_document *doc, struct syn_symbol *out, size_t max,
                            size_t *count, struct syn_error *err);

/* ---- Candidates -------------------------------------------------------------------- */

/* What the tree says of a candidate text for the hole. Costs are those of a candidate with
 * the best ending found for it, so that text that stops in the middle of something (an open
 * block, half a call) is no error; brackets that somebody would have to open before are. */
struct syn_verdict {
    size_t keep;       /* bytes of the candidate to keep: the longest prefix, cut at a token
                          boundary, that adds no ERROR/MISSING cost and does not go on after
                          the block that holds the cursor; 0 to drop it */
    uint32_t cost;     /* with candidate[0..keep) in the hole */
    uint32_t cost_all; /* with the whole candidate; UINT32_MAX when it took too long to tell */
    bool closed;       /* the bracket or block that holds the cursor was closed within keep,
                          or at its end */
};

/* Parses the surroundings of the hole with the candidate in it. */
enum syn_status syn_candidate_judge(const struct syn_hole *hole, const char *text, size_t len,
                                    struct syn_verdict *out, struct syn_error *err);

/* ---- Where the cursor is ------------------------------------------------------------- */

enum syn_place { SYN_PLACE_CODE, SYN_PLACE_STRING, SYN_PLACE_COMMENT };

/* At the hole's start. Code that is put into a string is code, as is all that has no tree. */
enum syn_place syn_hole_place(const struct syn_hole *hole);

/* ---- What may come next ------------------------------------------------------------- */

/* What is open at a place in the hole, as far as brackets, quotes and comments go. A plain
 * value; its members are private to follow.c. */
#define SYN_FOLLOW_DEPTH 64
struct syn_follow {
    const struct gram_language *lang;
    char open[SYN_FOLLOW_DEPTH]; /* brackets, outermost first */
    uint8_t depth;
    char mark;   /* the string's quote, '*' or '/' for a comment, 0 in code */
    bool triple; /* of the quote */
    char last;   /* byte */
    bool twice;  /* and it is the last but one, too */
    bool escaped;
    bool unknown;        /* nothing can be told */
    bool shell;          /* round brackets tell nothing */
    bool lines;          /* plain strings may have several lines */
    bool block_comments; /* and what ends them is nothing else */
};

/* At the hole's start. */
void syn_follow_begin(const struct syn_hole *hole, struct syn_follow *out);

/* Behind text[len], where that stands at the hole's start. */
void syn_follow_at(const struct syn_follow *begin, const char *text, size_t len,
                   struct syn_follow *out);

/* False when text[len] cannot come next, whatever is behind it: it closes a bracket that is not
 * the innermost open one, ends a comment where there is none, or the line inside of a string
 * that has to end on it. */
bool syn_follow_admits(const struct syn_follow *follow, const char *text, size_t len);

/* ---- The tree as text -------------------------------------------------------------- */

/* Walks nodes in document order, for printing. Return false from visit to stop. */
struct syn_node {
    const char *type;  /* static */
    const char *field; /* NULL when none */
    uint32_t start, end;
    uint32_t depth;
    uint8_t kind;
    bool named, error, missing;
};
typedef bool (*syn_visit)(const struct syn_node *node, void *user);
void syn_document_walk(const struct syn_document *doc, syn_visit visit, void *user);

/* ERROR/MISSING cost of the document's own tree (bytes covered by ERROR nodes plus a
 * fixed charge for each ERROR and MISSING node). */
uint32_t syn_document_cost(const struct syn_document *doc);

#endif
