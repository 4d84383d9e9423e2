/* training.h: training and evaluation samples, by the code that serves.
 *
 * The shared library espalier_training exports these to engine/training (Python, ctypes),
 * so that a model sees in use what it saw in training: tokens, layout and tree features
 * come from the same functions. Flat types only, no structs of other headers.
 *
 * A training_session holds one vocabulary and one document at a time. One thread at a time
 * a session; sessions are independent. Functions return 0 or, on failure, -1 with one line
 * in training_error. All randomness comes from the seed that is passed in.
 */
#ifndef ESPALIER_TRAINING_H
#define ESPALIER_TRAINING_H

#include <stddef.h>
#include <stdint.h>

#define TRAINING_HIDDEN 15
#define TRAINING_EXPORT __attribute__((visibility("default")))

struct training_session;

enum training_span {
    TRAINING_SPAN_ANY = -1, /* half nodes, a quarter each of the others */
    TRAINING_SPAN_NODE = 0, /* a syntax node or a run of sibling nodes */
    TRAINING_SPAN_LINE = 1, /* to a line's end, from its indentation or a random point */
    TRAINING_SPAN_BYTES = 2 /* any characters */
};

enum training_order {
    TRAINING_ORDER_ANY = -1, /* 35 % SPM, 35 % PSM, 30 % PLAIN */
    TRAINING_ORDER_SPM = 0,
    TRAINING_ORDER_PSM = 1,
    TRAINING_ORDER_PLAIN = 2
};

struct training_options {
    int32_t order, span; /* enum training_order, enum training_span */
    uint32_t budget;     /* tokens of a sample at most */
    uint32_t middle_max; /* tokens of a middle at most, <|end|> not counted */
    uint32_t suffix_max, chunk;
    uint32_t span_bytes;  /* bytes of a middle at most */
    uint32_t single_line; /* not 0: the middle lies within one line */
    uint32_t outline_max; /* tokens of an outline in front of a window that is cut, 0: none */
};

/* Arrays of one sample, capacity options.budget each; chain is [budget, 8]. */
struct training_sample {
    int32_t *ids;
    int32_t *chain;
    uint8_t *depth, *kind, *sibling, *segment;
    uint32_t length;               /* tokens written */
    uint32_t middle;               /* the first middle token; length when there is none */
    int32_t order;                 /* what was drawn */
    uint64_t hole_start, hole_end; /* bytes of the document */
    uint64_t heal_start;           /* the middle's text is document[heal_start, hole_end) */
    uint64_t window_start;         /* byte where the prefix, or a plain window, starts; behind 0
                                      in a hole's sample: it was cut to fit */
    uint32_t outline;              /* tokens of the outline in front of it */
};

TRAINING_EXPORT struct training_session *training_open(const char *vocabulary);
TRAINING_EXPORT void training_close(struct training_session *session);
TRAINING_EXPORT const char *training_error(const struct training_session *session);

/* Parses a file; it stays the session's document until the next call. */
TRAINING_EXPORT int training_document(struct training_session *session, const char *language,
                                      const char *text, size_t len);

/* Tokens of the whole document, or -1. */
TRAINING_EXPORT int64_t training_tokens(struct training_session *session);

/* Draws a span and writes its sample. 1: this seed gave none that fits; try another. */
TRAINING_EXPORT int training_draw(struct training_session *session, uint64_t seed,
                                  const struct training_options *options,
                                  struct training_sample *out);

/* The sample of a given hole; text[len] stands in the middle (the document's own bytes of
 * the hole when text is NULL). Order SPM or PSM. 1: the middle does not fit. */
TRAINING_EXPORT int training_hole(struct training_session *session, uint64_t hole_start,
                                  uint64_t hole_end, const char *text, size_t len,
                                  const struct training_options *options,
                                  struct training_sample *out);

/* What the leaf of the complete document at a byte is, for tables of losses by class. */
enum training_class {
    TRAINING_CLASS_WHITESPACE = 0,
    TRAINING_CLASS_IDENTIFIER = 1,
    TRAINING_CLASS_KEYWORD = 2,
    TRAINING_CLASS_LITERAL = 3,  /* strings, numbers, true, null and their like */
    TRAINING_CLASS_OPERATOR = 4, /* and punctuation */
    TRAINING_CLASS_COMMENT = 5
};

/* classes[n] of tokens that start at bytes[n] and end at ends[n]: each is the class of its first
 * byte that is no white space, WHITESPACE when there is none. */
TRAINING_EXPORT int training_classes(struct training_session *session, const uint64_t *starts,
                                     const uint64_t *ends, size_t n, uint8_t *classes);

/* Relations of rows packed from samples, TRAINING_HIDDEN where j may not be seen from i: out is
 * [rows, length, length]; chain [rows, length, 8] holds positions in the row, segment and
 * start (where the token's sample begins) are [rows, length]. */
TRAINING_EXPORT void training_relations(const int16_t *chain, const uint8_t *segment,
                                        const int16_t *start, size_t rows, size_t length,
                                        uint8_t *out);

#endif
