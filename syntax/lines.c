/* Line index.
 *
 * Owns the array of line starts and nothing else. Whether a line starts at p depends on the
 * bytes p-1 and p only (p matters after \r, which ends a line unless \n follows). So an
 * edit of [start, old_end) can change starts within [start, old_end] alone: those are
 * scanned again, the ones before stay, the ones after move by the difference in length.
 * That makes an edit cost one pass over the moved part of the array, with no search tree
 * to keep balanced; for the sizes allowed here a memmove is faster.
 */
#include "syntax/lines.h"

#include <stdlib.h>
#include <string.h>

static bool starts_line(const char *text, size_t len, size_t p)
{
    if (text[p - 1] == '\n') return true;
    return text[p - 1] == '\r' && (p >= len || text[p] != '\n');
}

static size_t count_terminators(const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += text[i] == '\n' || text[i] == '\r';
    return n;
}

static bool grow(struct syn_lines *lines, size_t need)
{
    if (need <= lines->capacity) return true;
    size_t capacity = lines->capacity ? lines->capacity : 64;
    while (capacity < need)
        capacity += capacity / 2;
    uint32_t *start = realloc(lines->start, capacity * sizeof *start);
    if (!start) return false;
    lines->start = start;
    lines->capacity = capacity;
    return true;
}

bool syn_lines_build(struct syn_lines *lines, const char *text, size_t len)
{
    *lines = (struct syn_lines){0};
    if (!grow(lines, count_terminators(text, len) + 1)) return false;
    lines->start[lines->count++] = 0;
    for (size_t p = 1; p <= len; p++)
        if (starts_line(text, len, p)) lines->start[lines->count++] = (uint32_t)p;
    lines->has_returns = memchr(text, '\r', len) != NULL;
    return true;
}

bool syn_lines_copy(struct syn_lines *lines, const struct syn_lines *from)
{
    *lines = (struct syn_lines){.has_returns = from->has_returns};
    if (!grow(lines, from->count)) return false;
    memcpy(lines->start, from->start, from->count * sizeof *from->start);
    lines->count = from->count;
    return true;
}

void syn_lines_free(struct syn_lines *lines)
{
    free(lines->start);
    *lines = (struct syn_lines){0};
}

bool syn_lines_reserve(struct syn_lines *lines, const char *insert, size_t insert_len)
{
    /* Two more: the edit may split a \r\n, or make a \r before it end a line. */
    if (!grow(lines, lines->count + count_terminators(insert, insert_len) + 2)) return false;
    lines->has_returns = lines->has_returns || memchr(insert, '\r', insert_len) != NULL;
    return true;
}

/* First index whose start is >= offset. */
static size_t lower_bound(const struct syn_lines *lines, size_t offset)
{
    size_t lo = 0, hi = lines->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (lines->start[mid] < offset)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void syn_lines_edit(struct syn_lines *lines, const char *text, size_t len, size_t start,
                    size_t old_end, size_t new_end)
{
    size_t first = lower_bound(lines, start ? start : 1);
    size_t after = lower_bound(lines, old_end + 1);
    size_t from = start ? start : 1;

    size_t added = 0;
    for (size_t p = from; p <= new_end; p++)
        added += starts_line(text, len, p);

    uint32_t *tail = lines->start + first + added;
    memmove(tail, lines->start + after, (lines->count - after) * sizeof *tail);
    size_t tail_count = lines->count - after;
    uint32_t delta = (uint32_t)new_end - (uint32_t)old_end; /* modulo 2^32 */
    for (size_t i = 0; i < tail_count; i++)
        tail[i] += delta;

    size_t at = first;
    for (size_t p = from; p <= new_end; p++)
        if (starts_line(text, len, p)) lines->start[at++] = (uint32_t)p;
    lines->count = first + added + tail_count;
}

size_t syn_lines_find(const struct syn_lines *lines, size_t offset)
{
    return lower_bound(lines, offset + 1) - 1;
}

void syn_lines_row(const struct syn_lines *lines, const char *text, size_t offset, uint32_t *row,
                   uint32_t *column)
{
    size_t line = syn_lines_find(lines, offset);
    size_t first = line; /* line at which tree-sitter's row starts */
    size_t returns = 0;
    if (lines->has_returns) {
        while (first > 0 && text[lines->start[first] - 1] == '\r')
            first--;
        for (size_t i = 1; i <= line; i++)
            returns += text[lines->start[i] - 1] == '\r';
    }
    *row = (uint32_t)(line - returns);
    *column = (uint32_t)(offset - lines->start[first]);
}
