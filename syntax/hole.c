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

enum { FULL_TRIES = 3 };

/* ---- Fillings ---------------------------------------------------------------------- */

static char closer_of(char open)
{
    return open == '(' ? ')' : open == '[' ? ']' : '}';
}

size_t syn_open_closers(const char *text, size_t len, char *out, size_t max, size_t *surplus)
{
    char open[64];
    size_t depth = 0, n = 0;
    *surplus = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '(' || c == '[' || c == '{') {
            if (depth < sizeof open) open[depth++] = c;
        } else if (c == ')' || c == ']' || c == '}') {
            if (depth > 0)
                depth--;
            else
                ++*surplus;
        }
    }
    while (depth > 0 && n < max)
        out[n++] = closer_of(open[--depth]);
    return n;
}

/* Closers for the brackets that the hole's line opens before the hole and that nothing
 * after the hole on that line closes; innermost first. */
static size_t line_closers(const struct syn_hole *hole, char *out, size_t max)
{
    const struct syn_document *doc = hole->doc;
    size_t from = syn_line_start(doc, syn_lines_find(&doc->lines, hole->start));
    size_t to = syn_line_end(doc, syn_lines_find(&doc->lines, hole->end));
    if (to < hole->end) to = hole->end; /* a hole that ends between \r and \n */
    char ignored[64];
    size_t surplus, closed;
    syn_open_closers(doc->text + hole->end, to - hole->end, ignored, 0, &closed);
    size_t n = syn_open_closers(doc->text + from, hole->start - from, out, max, &surplus);
    return n > closed ? n - closed : 0;
}

/* The filling with "$C" replaced. */
static size_t expand(const char *filling, const char *closers, size_t n_closers, char *out,
                     size_t max)
{
    size_t n = 0;
    while (*filling && n < max) {
        if (filling[0] == '$' && filling[1] == 'C') {
            size_t take = n_closers < max - n ? n_closers : max - n;
            memcpy(out + n, closers, take);
            n += take;
            filling += 2;
        } else {
            out[n++] = *filling++;
        }
    }
    out[n] = 0;
    return n;
}

/* ---- Search ------------------------------------------------------------------------ */

/* The tree of the text with `filling` in the hole, from `old`, a tree of the text with
 * [hole->start, old_end) there. */
static TSTree *parse_filled(const struct syn_hole *hole, const TSTree *old, uint32_t old_end,
                            const char *filling, size_t len)
{
    const struct syn_document *doc = hole->doc;
    TSTree *edited = old ? ts_tree_copy(old) : NULL;
    if (edited)
        syn_tree_replace(edited, hole->start, syn_point_at(doc, hole->start), old_end,
                         syn_point_at(doc, old_end), filling, len);
    struct syn_pieces pieces = {.text = {doc->text, filling, doc->text + hole->end},
                                .length = {hole->start, len, doc->length - hole->end},
                                .count = 3};
    TSTree *tree = syn_parse_pieces(doc->parser, edited, &pieces);
    if (edited) ts_tree_delete(edited);
    return tree;
}

/* The tree of the text with nothing in the hole. */
static TSTree *parse_empty(const struct syn_hole *hole)
{
    const struct syn_document *doc = hole->doc;
    if (hole->start == hole->end && doc->parsed) return ts_tree_copy(doc->tree);
    return parse_filled(hole, doc->tree, hole->end, "", 0);
}

struct choice {
    char text[SYN_MAX_FILLING];
    size_t length;
    uint32_t reached; /* how far the parser came before it met an error */
    bool given_up;    /* the cost is not known: there was an error soon */
};

static size_t list_choices(const struct syn_hole *hole, struct choice *choices)
{
    const struct syn_tables *tables = hole->doc->tables;
    char closers[64];
    size_t n_closers = line_closers(hole, closers, sizeof closers), count = 0;
    for (size_t i = 0; i < tables->filling_count; i++) {
        struct choice *choice = &choices[count];
        choice->length =
            expand(tables->fillings[i], closers, n_closers, choice->text, sizeof choice->text - 1);
        bool known = choice->length == 0; /* what differs in "$C" alone is often the same */
        for (size_t j = 0; j < count && !known; j++)
            known = !strcmp(choices[j].text, choice->text);
        count += !known;
    }
    return count;
}

/* Puts a choice into the excerpt's hole and keeps it if it is better. False when memory
 * ran out. */
static bool try_choice(struct syn_hole *hole, struct choice *choice, bool to_the_end)
{
    TSTree *tree = syn_excerpt_try(&hole->excerpt, hole->doc->parser, choice->text, choice->length,
                                   to_the_end ? NULL : &choice->reached);
    choice->given_up = !tree && !to_the_end;
    if (!tree) return choice->given_up;
    uint32_t cost = syn_tree_cost(tree);
    ts_tree_delete(tree);
    if (cost < hole->excerpt_cost) {
        hole->excerpt_cost = cost;
        memcpy(hole->filling, choice->text, choice->length + 1);
        hole->filling_length = (uint32_t)choice->length;
    }
    return true;
}

/* Finds the filling that leaves the least cost in the excerpt; "" when none is better than
 * nothing. Recovering from errors is what makes a parse slow, so the first round gives up
 * on a filling at its first error, and the second only follows those that came furthest.
 * False when memory ran out. */
static bool choose_filling(struct syn_hole *hole)
{
    struct choice *choices = calloc(SYN_MAX_FILLINGS, sizeof *choices);
    if (!choices) return false;
    size_t count = list_choices(hole, choices);
    hole->excerpt_cost = hole->excerpt.cost;
    bool ok = true;
    for (size_t i = 0; i < count && ok && hole->excerpt_cost > 0; i++)
        ok = try_choice(hole, &choices[i], false);
    for (unsigned round = 0; round < FULL_TRIES && ok && hole->excerpt_cost > 0; round++) {
        struct choice *best = NULL;
        for (size_t i = 0; i < count; i++)
            if (choices[i].given_up && (!best || choices[i].reached > best->reached))
                best = &choices[i];
        if (!best) break;
        ok = try_choice(hole, best, true);
        best->given_up = false;
    }
    free(choices);
    return ok;
}

static enum syn_status repair(struct syn_hole *hole, struct syn_error *err)
{
    if (!syn_document_parser(hole->doc, err)) return SYN_BAD_GRAMMAR;
    TSTree *empty = hole->tree = parse_empty(hole);
    if (!empty) return syn_fail(err, SYN_NO_MEMORY, "out of memory for a parse");
    hole->cost = syn_tree_cost(empty);
    if (hole->cost == 0) return SYN_OK;

    if (!syn_excerpt_make(&hole->excerpt, hole->doc->parser, hole->doc, hole->start, hole->end,
                          empty) ||
        !choose_filling(hole))
        return syn_fail(err, SYN_NO_MEMORY, "out of memory for an excerpt");
    if (hole->filling_length == 0) return SYN_OK;

    TSTree *tree = parse_filled(hole, empty, hole->start, hole->filling, hole->filling_length);
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
        hole->excerpt_cost = hole->excerpt.cost;
    }
    return SYN_OK;
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
    enum syn_status status = syn_document_copy(doc, &hole->doc, err);
    if (status == SYN_OK && doc->lang) status = repair(hole, err);
    if (status != SYN_OK) {
        syn_hole_free(hole);
        return status;
    }
    *out = hole;
    return SYN_OK;
}

void syn_hole_free(struct syn_hole *hole)
{
    if (!hole) return;
    if (hole->tree) ts_tree_delete(hole->tree);
    syn_excerpt_free(&hole->excerpt);
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
