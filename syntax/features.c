/* Per-token features from a tree, and the relation between two tokens.
 *
 * Owns nothing: it reads a tree with a stack of open nodes (frames.c) and writes records.
 * Nothing written depends on where a node ends, on how large it is, or on nodes that start
 * at the token itself: such facts are not known yet when a token is written, and a model
 * trained on them would read the future.
 */
#include "syntax/frames.h"
#include "syntax/hole.h"

#include <stdlib.h>
#include <string.h>

static const struct syn_record empty_record = {.chain = {-1, -1, -1, -1, -1, -1, -1, -1}};

static enum syn_status check_spans(const struct syn_span *spans, size_t n, uint32_t from,
                                   uint32_t to, struct syn_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (spans[i].start < from || spans[i].end < spans[i].start || spans[i].end > to)
            return syn_fail(err, SYN_BAD_RANGE,
                            "token %zu at [%u, %u): expected ascending spans within [%u, %u)", i,
                            spans[i].start, spans[i].end, from, to);
        from = spans[i].end;
    }
    return SYN_OK;
}

enum syn_status syn_tree_features(const struct syn_document *doc, const TSTree *tree,
                                  struct syn_mapping mapping, const struct syn_span *spans,
                                  size_t n_prefix, size_t n_suffix, struct syn_record *out,
                                  struct syn_error *err)
{
    size_t n = n_prefix + n_suffix;
    enum syn_status status = check_spans(spans, n_prefix, 0, mapping.start, err);
    if (status == SYN_OK)
        status = check_spans(spans + n_prefix, n_suffix, mapping.end, (uint32_t)doc->length, err);
    if (status != SYN_OK || n == 0) return status;

    uint32_t *anchors = malloc(n * sizeof *anchors);
    struct syn_frames frames;
    if (!anchors ||
        (tree && !syn_frames_begin(&frames, tree, doc->tables, mapping, spans, anchors, n))) {
        free(anchors);
        return syn_fail(err, SYN_NO_MEMORY, "out of memory for %zu tokens", n);
    }
    for (size_t i = 0; i < n; i++)
        anchors[i] = syn_anchor(doc->text, spans[i]);

    for (size_t i = 0; i < n && status == SYN_OK; i++) {
        if (!tree) {
            out[i] = empty_record;
        } else if (anchors[i] == UINT32_MAX) {
            out[i] = i ? out[i - 1] : empty_record;
        } else {
            uint32_t at = anchors[i];
            if (i >= n_prefix) at = at - mapping.end + mapping.start + mapping.filling;
            if (syn_frames_move(&frames, at))
                syn_frames_read(&frames, (int32_t)i, &out[i]);
            else
                status = syn_fail(err, SYN_NO_MEMORY, "out of memory for a tree's depth");
        }
        out[i].segment = i < n_prefix ? SYN_SEGMENT_PREFIX : SYN_SEGMENT_SUFFIX;
    }
    if (tree) syn_frames_end(&frames);
    free(anchors);
    return status;
}

enum syn_status syn_features(const struct syn_document *doc, const struct syn_span *spans, size_t n,
                             struct syn_record *out, struct syn_error *err)
{
    struct syn_mapping whole = {(uint32_t)doc->length, (uint32_t)doc->length, 0};
    return syn_tree_features(doc, doc->tree, whole, spans, n, 0, out, err);
}

enum syn_status syn_hole_features(const struct syn_hole *hole, const struct syn_span *spans,
                                  size_t n_prefix, size_t n_suffix, struct syn_record *out,
                                  struct syn_error *err)
{
    return syn_tree_features(hole->doc, hole->tree, syn_hole_mapping(hole), spans, n_prefix,
                             n_suffix, out, err);
}

/* Prefix and middle are one run of text. */
static bool same_segment(uint8_t a, uint8_t b)
{
    if (a == SYN_SEGMENT_MIDDLE) a = SYN_SEGMENT_PREFIX;
    if (b == SYN_SEGMENT_MIDDLE) b = SYN_SEGMENT_PREFIX;
    return a == b;
}

unsigned syn_relation_of(const struct syn_record *q, int32_t i, const struct syn_record *k,
                         int32_t j)
{
    if (!same_segment(q->segment, k->segment)) return SYN_RELATION_SEGMENT;
    for (unsigned l = 0; l < SYN_LEVELS; l++)
        if (q->chain[l] == j) return SYN_RELATION_ANCESTOR_1 + l;
    int32_t open = q->chain[0];
    if (open >= 0 && k->chain[0] == open && j < i && j > open) return SYN_RELATION_SIBLING;
    if (open >= 0 && open < j && j <= i) return SYN_RELATION_SAME_NODE;
    return SYN_RELATION_ELSEWHERE;
}
