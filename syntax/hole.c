/* The hole at the cursor, repaired.
 *
 * tree-sitter flattens whatever is open at an error into one ERROR node, so a text with a
 * gap in the middle of a statement has no usable tree around the gap. This file looks for
 * a short text that makes it one again: the language's fillings are put into the hole one
 * after the other, each is parsed incrementally from the tree with the empty hole, and the
 * one that leaves the least ERROR/MISSING cost wins, the earlier one on equal cost.
 *
 * The repaired tree depends on the bytes before and after the hole only. What the document
 * holds in the hole (in training, the text to be predicted) is taken out before the first
 * parse; the fillings never see it.
 */
#include "syntax/hole.h"

#include <stdlib.h>
#include <string.h>

/* ---- Fillings ---------------------------------------------------------------------- */

static char closer_of(char open)
{
    return open == '(' ? ')' : open == '[' ? ']' : '}';
}

/* Closers for the brackets that the hole's line opens before the hole and that nothing
 * after the hole on that line closes; innermost first. */
static size_t line_closers(const struct syn_hole *hole, char *out, size_t max)
{
    const char *text = hole->doc->text;
    size_t from = hole->start;
    while (from > 0 && text[from - 1] != '\n')
        from--;
    char open[64];
    size_t depth = 0;
    for (size_t i = from; i < hole->start; i++) {
        char c = text[i];
        if ((c == '(' || c == '[' || c == '{') && depth < sizeof open)
            open[depth++] = c;
        else if ((c == ')' || c == ']' || c == '}') && depth > 0)
            depth--;
    }
    size_t closed = 0, inner = 0;
    for (size_t i = hole->end; text[i] && text[i] != '\n'; i++) {
        char c = text[i];
        if (c == '(' || c == '[' || c == '{')
            inner++;
        else if (c == ')' || c == ']' || c == '}')
            inner ? inner-- : closed++;
    }
    size_t n = 0;
    while (depth > closed && n < max)
        out[n++] = closer_of(open[--depth]);
    return n;
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
    return n;
}

/* ---- Search ------------------------------------------------------------------------ */

TSTree *syn_hole_try(const struct syn_hole *hole, const char *text, size_t len)
{
    const struct syn_document *doc = hole->doc;
    TSTree *old = ts_tree_copy(hole->empty);
    if (!old) return NULL;
    syn_tree_replace(old, hole->start, hole->start_point, hole->start, hole->start_point, text, len,
                     NULL);
    struct syn_pieces pieces = {.text = {doc->text, text, doc->text + hole->end},
                                .length = {hole->start, len, doc->length - hole->end},
                                .count = 3};
    TSTree *tree = syn_probe_parse(doc, old, &pieces);
    ts_tree_delete(old);
    return tree;
}

/* The tree of the text with nothing in the hole. */
static TSTree *parse_empty(const struct syn_hole *hole)
{
    const struct syn_document *doc = hole->doc;
    if (hole->start == hole->end && doc->parsed) return ts_tree_copy(doc->tree);
    TSTree *old = NULL;
    if (doc->tree) {
        old = ts_tree_copy(doc->tree);
        if (!old) return NULL;
        syn_tree_replace(old, hole->start, hole->start_point, hole->end,
                         syn_point_at(doc, hole->end), "", 0, NULL);
    }
    struct syn_pieces pieces = {.text = {doc->text, doc->text + hole->end},
                                .length = {hole->start, doc->length - hole->end},
                                .count = 2};
    TSTree *tree = syn_probe_parse(doc, old, &pieces);
    if (old) ts_tree_delete(old);
    return tree;
}

static enum syn_status repair(struct syn_hole *hole, struct syn_error *err)
{
    hole->empty = parse_empty(hole);
    if (!hole->empty) return syn_fail(err, SYN_NO_MEMORY, "out of memory for a parse");
    hole->tree = hole->empty;
    hole->cost = syn_tree_cost(hole->empty);

    const struct syn_tables *tables = &hole->doc->tables;
    char closers[64];
    size_t n_closers = line_closers(hole, closers, sizeof closers);
    for (size_t i = 0; i < tables->filling_count && hole->cost > 0; i++) {
        char text[SYN_MAX_FILLING - 1];
        size_t len = expand(tables->fillings[i], closers, n_closers, text, sizeof text);
        if (len == 0) continue;
        TSTree *tree = syn_hole_try(hole, text, len);
        if (!tree) return syn_fail(err, SYN_NO_MEMORY, "out of memory for a parse");
        uint32_t cost = syn_tree_cost(tree);
        if (cost >= hole->cost) {
            ts_tree_delete(tree);
            continue;
        }
        if (hole->tree != hole->empty) ts_tree_delete(hole->tree);
        hole->tree = tree;
        hole->cost = cost;
        memcpy(hole->filling, text, len);
        hole->filling[len] = 0;
        hole->filling_length = (uint32_t)len;
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
    hole->doc = doc;
    hole->start = (uint32_t)hole_start;
    hole->end = (uint32_t)hole_end;
    hole->start_point = syn_point_at(doc, hole_start);
    enum syn_status status = doc->lang ? repair(hole, err) : SYN_OK;
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
    if (hole->tree && hole->tree != hole->empty) ts_tree_delete(hole->tree);
    if (hole->empty) ts_tree_delete(hole->empty);
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
