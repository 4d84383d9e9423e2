/* The start of a middle: what is open at the cursor, read from the repaired hole.
 *
 * The nodes around the last byte before the cursor are candidates; those that end there are
 * open unless they have their closing bracket, quote or terminator, since a node that ends
 * at a gap in the text need not end there in the text that will be. Where the tree has an
 * error, an open string or comment is found by scanning the cursor's line.
 */
#include "syntax/middle.h"

#include "grammars/grammars.h"

#include <stdlib.h>
#include <string.h>

/* Role and rank of an inherited node. */
static enum syn_role inherited_role(const struct syn_frame *frame, uint8_t opener, uint8_t *rank)
{
    *rank = RANK_JUXTAPOSED;
    if (opener) return ROLE_CONTAINER;
    switch (frame->kind) {
    case GRAM_KIND_NAME:
    case GRAM_KIND_NUMBER:
    case GRAM_KIND_STRING:
        return ROLE_LEAF;
    case GRAM_KIND_MEMBER:
    case GRAM_KIND_CALL:
    case GRAM_KIND_INDEX:
        *rank = RANK_POSTFIX;
        return ROLE_OPERAND;
    case GRAM_KIND_UNARY:
        *rank = RANK_UNARY;
        return ROLE_OPERAND;
    case GRAM_KIND_ASSIGN:
    case GRAM_KIND_PAIR:
        *rank = RANK_ASSIGN;
        return ROLE_OPERAND;
    case GRAM_KIND_CONDITIONAL:
        *rank = RANK_TERNARY;
        return ROLE_OPERAND;
    case GRAM_KIND_BINARY:
        *rank = 11;
        return ROLE_OPERAND;
    case GRAM_KIND_PARAMETER:
    case GRAM_KIND_TYPE:
    case GRAM_KIND_LIST:
    case GRAM_KIND_OTHER:
        return ROLE_OPERAND;
    case GRAM_KIND_FILE:
    case GRAM_KIND_BLOCK:
    case GRAM_KIND_ERROR:
        return ROLE_CONTAINER;
    default:
        return ROLE_STATEMENT;
    }
}

/* The bracket that a node starts with, where its closer has not been written. */
static uint8_t open_bracket(const struct syn_hole *hole, const struct syn_frame *frame)
{
    char c = hole->doc->text[frame->start];
    if (ts_node_child_count(frame->node) == 0) return 0;
    return c && strchr("([{", c) ? (uint8_t)c : 0;
}

/* A bracket inside the node, not at its start, that is open at `end`; 0 when there is none. */
static uint8_t inner_bracket(const struct syn_hole *hole, const struct syn_frame *frame,
                             uint32_t end)
{
    if (frame->kind == GRAM_KIND_FILE || frame->kind == GRAM_KIND_BLOCK) return 0;
    TSTreeCursor cursor = ts_tree_cursor_new(frame->node);
    uint8_t open = 0;
    if (ts_tree_cursor_goto_first_child(&cursor)) {
        do {
            TSNode child = ts_tree_cursor_current_node(&cursor);
            uint32_t at = ts_node_start_byte(child);
            if (at >= end) break;
            if (ts_node_end_byte(child) != at + 1) continue;
            char c = hole->doc->text[at];
            if (c && strchr("([{", c)) open = (uint8_t)c;
            if (c && strchr(")]}", c)) open = 0;
        } while (ts_tree_cursor_goto_next_sibling(&cursor));
    }
    ts_tree_cursor_delete(&cursor);
    return open;
}

static uint16_t column_of(const struct syn_document *doc, size_t offset)
{
    size_t start = syn_line_start(doc, syn_lines_find(&doc->lines, offset));
    return offset - start > UINT16_MAX ? UINT16_MAX : (uint16_t)(offset - start);
}

/* First byte of a string's quote: what stands before it are prefix letters. */
static uint32_t quote_at(const char *text, uint32_t start, uint32_t end)
{
    uint32_t at = start;
    while (at < end && at < start + 4 && text[at] && !strchr("\"'`", text[at]))
        at++;
    return at < end && text[at] && strchr("\"'`", text[at]) ? at : end;
}

static bool is_triple(const char *text, uint32_t at, uint32_t end)
{
    return at + 2 < end && text[at + 1] == text[at] && text[at + 2] == text[at];
}

/* True when a node that ends with the last byte before the cursor cannot go on: it has
 * its closing bracket or quote, or its terminator. */
static bool is_complete(const struct syn_hole *hole, const struct syn_frame *frame, uint32_t end,
                        bool newline)
{
    if (frame->end > end) return false;
    const char *text = hole->doc->text;
    char last = text[end - 1], first = text[frame->start];
    if (frame->kind == GRAM_KIND_COMMENT)
        return newline || (last == '/' && first == '/' && text[frame->start + 1] == '*');
    if (frame->kind == GRAM_KIND_STRING) {
        uint32_t at = quote_at(text, frame->start, end);
        return at + 1 < end && text[at] == last;
    }
    switch (last) {
    case ';':
        return true;
    case ')':
        return first == '(';
    case ']':
        return first == '[';
    case '}':
        return first == '{';
    default:
        return false;
    }
}

/* Where the line up to `end` is left inside a string or comment that starts on it; `end`
 * when it is not. */
static uint32_t open_quote(const struct syn_middle *m, const struct syn_document *doc, uint32_t end)
{
    const char *text = doc->text;
    uint32_t at = (uint32_t)syn_line_start(doc, syn_lines_find(&doc->lines, end)), from = end;
    for (char inside = 0; at < end; at++) {
        char c = text[at];
        if (inside) {
            if (c == '\\')
                at++;
            else if (c == inside)
                inside = 0, from = end;
        } else if (c == '"' || c == '`' || (c == '\'' && !(m->style & STYLE_APOSTROPHE))) {
            inside = c;
            from = at;
        } else if (syn_starts_comment(m, text + at, end - at)) {
            return at;
        }
    }
    return from;
}

/* The prefix token that holds the byte; -1 before the window. */
static int32_t token_at(const struct syn_span *spans, size_t n, uint32_t at)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (spans[mid].end <= at)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && spans[lo].start <= at ? (int32_t)lo : -1;
}

/* Pushes a string or comment that is open at the cursor and starts at byte `start`, and
 * its content if that has begun. */
static void inherit_quote(struct syn_middle *m, const struct syn_hole *hole, uint32_t start,
                          uint32_t end, const struct syn_span *spans, size_t n)
{
    const char *text = hole->doc->text;
    uint32_t at = quote_at(text, start, end);
    bool comment = at == end || syn_starts_comment(m, text + start, end - start);
    bool triple = !comment && is_triple(text, at, end);
    bool many_lines = triple || (comment && end > start + 1 && text[start + 1] == '*');
    syn_middle_push(m, token_at(spans, n, start), ROLE_CONTAINER,
                    comment ? GRAM_KIND_COMMENT : GRAM_KIND_STRING,
                    comment ? '#' : (uint8_t)text[at],
                    (uint8_t)((many_lines ? QUOTE_MULTILINE : 0) |
                              (comment ? 0 : syn_whole_string(m, text[at]))),
                    column_of(hole->doc, start));
    m->sibling[top(m)] = 1;
    uint32_t content = at + (triple ? 3 : 1);
    if (!comment && content < end && !(m->rank[top(m)] & QUOTE_WHOLE))
        syn_middle_push(m, token_at(spans, n, content), ROLE_LEAF, GRAM_KIND_STRING, 0,
                        RANK_JUXTAPOSED, 0);
}

/* Pushes the nodes around the last byte before the cursor (which ends at `end`) that may
 * still be open. A completed bracket stays as the left end of what may follow it. */
static void inherit(struct syn_middle *m, const struct syn_hole *hole, const struct syn_frames *f,
                    uint32_t end)
{
    const struct syn_document *doc = hole->doc;
    uint32_t lexed = hole->cost > 0 && !m->fresh ? open_quote(m, doc, end) : end;
    for (size_t i = 0; i < f->depth; i++) {
        const struct syn_frame *frame = &f->frame[i];
        if (frame->start >= lexed) break;
        if (frame->token == SYN_IN_FILLING) continue;
        bool leaf = ts_node_child_count(frame->node) == 0;
        if (leaf && !ts_node_is_named(frame->node)) break;
        bool complete = is_complete(hole, frame, end, m->fresh);
        if (complete && (doc->text[end - 1] == ';' || frame->kind == GRAM_KIND_COMMENT)) break;
        bool quoted = frame->kind == GRAM_KIND_STRING || frame->kind == GRAM_KIND_COMMENT;
        bool nested = i + 2 < f->depth && ts_node_child_count(f->frame[i + 1].node) > 0;
        if (quoted && !complete && !nested &&
            (frame->kind == GRAM_KIND_COMMENT || quote_at(doc->text, frame->start, end) < end)) {
            inherit_quote(m, hole, frame->start, end, f->spans, f->count);
            const struct syn_frame *content = i + 1 < f->depth ? &f->frame[i + 1] : NULL;
            if (content && frame->kind == GRAM_KIND_COMMENT && content->token >= 0)
                syn_middle_push(m, content->token, ROLE_LEAF, content->kind, 0, RANK_JUXTAPOSED, 0);
            return;
        }
        uint8_t opener = complete ? 0 : open_bracket(hole, frame), rank = RANK_JUXTAPOSED;
        if (opener && i + 1 < f->depth && f->frame[i + 1].start == frame->start &&
            ts_node_child_count(f->frame[i + 1].node) > 0)
            opener = 0; /* the bracket belongs to the node inside */
        enum syn_role role = complete ? ROLE_LEAF : inherited_role(frame, opener, &rank);
        if (role == ROLE_OPERAND && frame->kind == GRAM_KIND_CALL && (m->style & STYLE_WORDS))
            role = ROLE_STATEMENT; /* a command */
        uint16_t column = column_of(doc, frame->start);
        /* Before the window there are no tokens to tell one level from the next. */
        bool same = i > 0 && frame->token < 0 && f->frame[i - 1].start == frame->start;
        if (same && m->length > 0 && m->role[top(m)] != ROLE_CONTAINER) m->length--;
        syn_middle_push(m, frame->token, role, frame->kind, opener, rank, column);
        m->sibling[top(m)] = frame->child > 254 ? 255 : (uint8_t)(frame->child + 1);
        if (complete) break;
        uint8_t inner = opener || leaf ? 0 : inner_bracket(hole, frame, end);
        if (!inner) continue;
        syn_middle_push(m, frame->token, ROLE_CONTAINER, frame->kind, inner, RANK_BARE, column);
        m->sibling[top(m)] = m->sibling[top(m) - 1];
    }
    if (lexed < end) inherit_quote(m, hole, lexed, end, f->spans, f->count);
}

void syn_middle_begin(struct syn_middle *m, const struct syn_hole *hole,
                      const struct syn_span *spans, size_t n_prefix)
{
    const struct syn_document *doc = hole->doc;
    memset(m, 0, sizeof *m);
    for (unsigned l = 0; l < SYN_LEVELS; l++)
        m->last.chain[l] = -1;
    m->last.segment = SYN_SEGMENT_MIDDLE;
    m->style = syn_style_of(doc->lang);
    uint32_t cut = n_prefix ? spans[n_prefix - 1].end : 0;
    m->at_column = column_of(doc, cut);

    uint32_t end = cut;
    while (end > 0 && syn_is_space(doc->text[end - 1]))
        if (doc->text[--end] == '\n') m->fresh = 1;
    if (end == 0) m->fresh = 1;
    if (end == 0 || !hole->tree) return;
    m->last_byte = (uint8_t)doc->text[end - 1];
    m->in_word = end == cut && syn_is_word((char)m->last_byte);
    m->operand = strchr(")]}\"'`", m->last_byte) != NULL;
    uint32_t word = end;
    while (word > 0 && syn_is_word(doc->text[word - 1]))
        word--;
    if (word < end) syn_note_word(m, doc->text + word, end - word);

    size_t last = n_prefix; /* the last token that is not white space */
    uint32_t *anchors = malloc((n_prefix + 1) * sizeof *anchors);
    struct syn_frames frames;
    if (!anchors || !syn_frames_begin(&frames, hole->tree, doc->tables, syn_hole_mapping(hole),
                                      spans, anchors, n_prefix)) {
        free(anchors);
        return;
    }
    for (size_t i = 0; i < n_prefix; i++) {
        anchors[i] = syn_anchor(doc->text, spans[i]);
        if (anchors[i] != UINT32_MAX) last = i;
    }
    if (last < n_prefix && syn_frames_move(&frames, anchors[last])) {
        syn_frames_read(&frames, (int32_t)last, &m->last);
        m->last.segment = SYN_SEGMENT_MIDDLE;
    }
    if (syn_frames_move(&frames, end - 1)) inherit(m, hole, &frames, end);
    syn_frames_end(&frames);
    free(anchors);
}
