/* The hole at the cursor, repaired.
 *
 * tree-sitter flattens whatever is open at an error into one ERROR node, so a text with a
 * gap in the middle of a statement has no usable tree around the gap. This file looks for
 * a short text that makes it one again. The fillings of the language are put into the hole
 * of an excerpt (excerpt.c) one after the other; the one that leaves the least
 * ERROR/MISSING cost wins, the earlier one on equal cost, and the search ends at one that
 * leaves none. Only the winner is parsed within the whole text.
 *
 * The repaired tree depends on the bytes before and after the hole only. What the document
 * holds in the hole (in training, the text to be predicted) is taken out before the first
 * parse; the fillings never see it.
 */
#include "syntax/hole.h"

#include <stdlib.h>
#include <string.h>

enum {
    FULL_TRIES = 3,
    MAX_STEPS = 400,          /* hundreds of parser operations for one search ... */
    FEW_STEPS = 30,           /* ... and for one that need not find the best */
    PARSE_STEPS = 24,         /* for one parse of the whole text that may be given up */
    REPAIR_BYTES = 32 * 1024, /* of an error that is worth such a search */
};

/* ---- Search ------------------------------------------------------------------------ */

/* The tree of the text with `filling` in the hole, from `old`, a tree of the text with
 * [hole->start, old_end) there. NULL when memory ran out, when stopped, or when a quick one took
 * too long. */
static TSTree *parse_filled(const struct syn_hole *hole, const TSTree *old, uint32_t old_end,
                            const char *filling, size_t len, bool quick)
{
    const struct syn_document *doc = hole->doc;
    TSTree *edited = old ? ts_tree_copy(old) : NULL;
    if (edited)
        syn_tree_replace(edited, hole->start, syn_point_at(doc, hole->start), old_end,
                         syn_point_at(doc, old_end), filling, len);
    struct syn_pieces pieces = {.text = {doc->text, filling, doc->text + hole->end},
                                .length = {hole->start, len, doc->length - hole->end},
                                .count = 3,
                                .stop = doc->stop};
    uint32_t steps = PARSE_STEPS;
    struct syn_limit limit = {.error_from = UINT32_MAX, .steps = &steps};
    TSTree *tree = quick ? syn_parse_limited(doc->parser, edited, &pieces, &limit)
                         : syn_parse_pieces(doc->parser, edited, &pieces);
    if (edited) ts_tree_delete(edited);
    return tree;
}

/* The tree of the text with nothing in the hole. */
static TSTree *parse_empty(const struct syn_hole *hole)
{
    const struct syn_document *doc = hole->doc;
    if (hole->start == hole->end && doc->parsed) return ts_tree_copy(doc->tree);
    TSTree *tree = parse_filled(hole, doc->tree, hole->end, "", 0, false);
    if (!tree || hole->start == hole->end || syn_tree_cost(tree) == 0) return tree;
    /* How the parser recovers from an error may depend on the tree it starts from, and that
     * one has seen what is in the hole. */
    ts_tree_delete(tree);
    return parse_filled(hole, NULL, hole->end, "", 0, false);
}

/* Puts a choice into the excerpt's hole and keeps it if it is better. */
static void try_choice(struct syn_hole *hole, struct syn_filling *choice, bool early,
                       uint32_t *steps)
{
    TSTree *tree = syn_excerpt_try(hole->excerpt, hole->doc->parser, choice->text, choice->length,
                                   early, steps, &choice->reached);
    choice->given_up = !tree;
    if (!tree) return;
    uint32_t cost = syn_tree_cost(tree);
    ts_tree_delete(tree);
    if (cost >= hole->excerpt_cost) return;
    hole->excerpt_cost = cost;
    memcpy(hole->filling, choice->text, choice->length + 1);
    hole->filling_length = (uint32_t)choice->length;
}

/* Finds the filling that leaves the least cost in the excerpt; "" when none is better than
 * nothing. Recovering from errors is what makes a parse slow, so the first round gives up
 * on a filling at its first error, and the second only follows those that came furthest.
 * False when memory ran out. */
static bool choose_filling(struct syn_hole *hole, bool quick)
{
    struct syn_filling *choices = calloc(SYN_MAX_FILLINGS, sizeof *choices);
    if (!choices) return false;
    char openers[SYN_MAX_OPENERS];
    size_t count = syn_list_fillings(hole->excerpt, hole->doc, "", 0, choices, openers);
    hole->excerpt_cost = hole->excerpt->cost;
    uint32_t steps = quick ? FEW_STEPS : MAX_STEPS;
    unsigned rounds = quick ? 0 : FULL_TRIES;
    for (size_t i = 0; i < count && steps > 0 && hole->excerpt_cost > 0; i++)
        try_choice(hole, &choices[i], true, &steps);
    for (unsigned round = 0; round < rounds && steps > 0 && hole->excerpt_cost > 0; round++) {
        struct syn_filling *best = NULL;
        for (size_t i = 0; i < count; i++)
            if (choices[i].given_up && (!best || choices[i].reached > best->reached))
                best = &choices[i];
        if (!best) break;
        try_choice(hole, best, false, &steps);
        best->given_up = false;
    }
    free(choices);
    return true;
}

/* empty: the tree of the text with nothing in the hole, which takes it over. */
static enum syn_status repair(struct syn_hole *hole, TSTree *empty, bool quick,
                              struct syn_error *err)
{
    hole->tree = empty;
    if (!empty) return syn_fail(err, SYN_NO_MEMORY, "out of memory for a parse");
    hole->cost = syn_tree_cost(empty);
    if (hole->cost == 0) return SYN_OK;

    if (!syn_excerpt_make(hole->excerpt, hole->doc->parser, hole->doc, hole->start, hole->end,
                          empty) ||
        !choose_filling(hole, quick))
        return syn_fail(err, SYN_NO_MEMORY, "out of memory for an excerpt");
    if (hole->filling_length == 0) return SYN_OK;

    TSTree *tree =
        parse_filled(hole, empty, hole->start, hole->filling, hole->filling_length, quick);
    if (!tree && quick) return SYN_OK;
    if (!tree) return syn_fail(err, SYN_NO_MEMORY, "out of memory for a parse");
    uint32_t cost = syn_tree_cost(tree);
    if (cost <= hole->cost) {
        ts_tree_delete(empty);
        hole->tree = tree;
        hole->cost = cost;
    } else { /* what the excerpt left out speaks against it */
        ts_tree_delete(tree);
        hole->filling[0] = 0;
        hole->filling_length = 0;
        hole->excerpt_cost = hole->excerpt->cost;
    }
    return SYN_OK;
}

static enum syn_status open_hole(struct syn_hole *hole, struct syn_error *err)
{
    if (!syn_document_parser(hole->doc, err)) return SYN_BAD_GRAMMAR;
    return syn_unless_stopped(hole->doc, repair(hole, parse_empty(hole), false, err), err);
}

static bool splits_character(const struct syn_document *doc, size_t offset)
{
    return offset < doc->length && ((uint8_t)doc->text[offset] & 0xc0) == 0x80;
}

enum syn_status syn_hole_open(const struct syn_document *doc, size_t hole_start, size_t hole_end,
                              struct syn_hole **out, struct syn_error *err)
{
    *out = NULL;
    if (hole_start > hole_end || hole_end > doc->length || splits_character(doc, hole_start) ||
        splits_character(doc, hole_end))
        return syn_fail(err, SYN_BAD_RANGE,
                        "hole [%zu, %zu): expected a range between characters in %zu bytes",
                        hole_start, hole_end, doc->length);
    struct syn_hole *hole = calloc(1, sizeof *hole);
    if (!hole) return syn_fail(err, SYN_NO_MEMORY, "out of memory");
    hole->start = (uint32_t)hole_start;
    hole->end = (uint32_t)hole_end;
    hole->excerpt = calloc(1, sizeof *hole->excerpt);
    enum syn_status status = hole->excerpt
                                 ? syn_document_copy(doc, &hole->doc, err)
                                 : syn_fail(err, SYN_NO_MEMORY, "out of memory for an excerpt");
    if (status == SYN_OK && doc->lang) status = open_hole(hole, err);
    if (status != SYN_OK) {
        syn_hole_free(hole);
        return status;
    }
    *out = hole;
    return SYN_OK;
}

/* Byte `end` of the document, on the line where the hole ends, as a point of the hole's tree. */
static TSPoint point_behind(const struct syn_hole *hole, uint32_t end)
{
    TSPoint point = syn_point_at(hole->doc, hole->start);
    for (uint32_t i = 0; i < hole->filling_length; i++) {
        point.column++;
        if (hole->filling[i] == '\n') point = (TSPoint){point.row + 1, 0};
    }
    point.column += end - hole->end;
    return point;
}

/* Does an error hold the byte that is small enough to be looked into? */
static bool error_around(const TSTree *tree, uint32_t byte)
{
    TSNode node = ts_tree_root_node(tree);
    TSTreeCursor cursor = ts_tree_cursor_new(node);
    bool found = ts_node_is_error(node);
    while (!found && ts_node_start_byte(node) <= byte && ts_node_has_error(node) &&
           ts_tree_cursor_goto_first_child_for_byte(&cursor, byte) >= 0) {
        node = ts_tree_cursor_current_node(&cursor);
        found = ts_node_is_error(node) && ts_node_start_byte(node) <= byte;
    }
    ts_tree_cursor_delete(&cursor);
    return found && ts_node_end_byte(node) - ts_node_start_byte(node) <= REPAIR_BYTES;
}

enum syn_status syn_hole_widen(const struct syn_hole *hole, uint32_t start, uint32_t end,
                               uint32_t place, struct syn_hole *out, struct syn_error *err)
{
    *out = (struct syn_hole){.doc = hole->doc, .start = start, .end = end};
    out->excerpt = calloc(1, sizeof *out->excerpt);
    TSTree *old = hole->tree ? ts_tree_copy(hole->tree) : NULL;
    if (!out->excerpt || !old) {
        if (old) ts_tree_delete(old);
        return syn_fail(err, SYN_NO_MEMORY, "out of memory for an excerpt");
    }
    uint32_t old_end = hole->start + hole->filling_length + (end - hole->end);
    syn_tree_replace(old, start, syn_point_at(hole->doc, start), old_end, point_behind(hole, end),
                     "", 0);
    struct syn_pieces pieces = {.text = {hole->doc->text, hole->doc->text + end},
                                .length = {start, hole->doc->length - end},
                                .count = 2,
                                .stop = hole->doc->stop};
    uint32_t steps = PARSE_STEPS;
    struct syn_limit limit = {.error_from = UINT32_MAX, .steps = &steps};
    TSTree *empty = syn_parse_limited(hole->doc->parser, old, &pieces, &limit);
    ts_tree_delete(old);
    if (empty && error_around(empty, place))
        return syn_unless_stopped(hole->doc, repair(out, empty, true, err), err);
    out->tree = empty ? empty : ts_tree_copy(hole->tree);
    return out->tree ? syn_unless_stopped(hole->doc, SYN_OK, err)
                     : syn_fail(err, SYN_NO_MEMORY, "out of memory for a parse");
}

void syn_hole_release(struct syn_hole *hole)
{
    if (hole->tree) ts_tree_delete(hole->tree);
    if (hole->excerpt) syn_excerpt_free(hole->excerpt);
    free(hole->excerpt);
    hole->tree = NULL;
    hole->excerpt = NULL;
}

void syn_hole_free(struct syn_hole *hole)
{
    if (!hole) return;
    syn_hole_release(hole);
    syn_document_free(hole->doc);
    free(hole);
}

const char *syn_hole_filling(const struct syn_hole *hole)
{
    return hole->filling;
}

uint32_t syn_hole_cost(const struct syn_hole *hole)
{
    return hole->cost;
}
