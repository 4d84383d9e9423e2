/* view.h: what the model thinks of slips (syntax/slip.h): is the text likelier as it stands, or
 * with one of them?
 *
 * A reader goes over a text once, from left to right, and has at each token the probability of what
 * stands there and of what a slip would put there. The slips that are not much less likely are then
 * read on with: the same text, the slip in it, up to some tokens behind its line, from the keys and
 * values that are there already. Reading the line as a fill-in-the-middle as well, with what stands
 * behind it known, costs twice as much and tells a head nothing more (engine/training/RESULTS.md).
 *
 * Logarithms are natural ones. A reader belongs to one thread at a time; views borrow nothing.
 */
#ifndef ESPALIER_REVIEW_VIEW_H
#define ESPALIER_REVIEW_VIEW_H

#include "engine/engine.h"
#include "syntax/slip.h"

struct rev_reader;

struct rev_view {
    uint32_t slip; /* index into the slips */
    float own;     /* log P of the text's first token that the slip changes, given what is before */
    float first;   /* log P of the slip's token there, less own */
    float joint;   /* log P from there to some tokens behind the line: slip less text */
    uint32_t rivals; /* slips at the same place, itself included */
};

struct rev_views {
    struct rev_view *list; /* by slip */
    size_t count, capacity;
    size_t seen;    /* slips that were looked at; those that are not in the list are far less likely
                       than what stands there */
    uint32_t odd;   /* byte where the least likely token of what was read starts */
    float odd_own;  /* its log P; 0: nothing was read */
    double sum_own; /* of the log P of all tokens of what was read */
    size_t n_own;   /* these tokens */
};

/* The model has to outlive the reader. ENG_BAD_INPUT for one whose context is too small. */
enum eng_status rev_reader_new(const struct eng_model *model, struct rev_reader **out,
                               struct eng_error *err);
void rev_reader_free(struct rev_reader *reader);

/* Adds views of the slips in bytes [start, end) of a parsed document: whole lines, a function for
 * example. What does not fit the model's context is read in parts. cancel may be NULL.
 * ENG_CANCELLED: *out holds what was seen until then. */
enum eng_status rev_reader_look(struct rev_reader *reader, const struct syn_document *doc,
                                const struct syn_slips *slips, size_t start, size_t end,
                                eng_cancel *cancel, struct rev_views *out, struct eng_error *err);
void rev_views_free(struct rev_views *views);

#endif
