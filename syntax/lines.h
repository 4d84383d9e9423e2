/* lines.h: where lines start. Private to syntax/.
 *
 * The index is a sorted array of line-start offsets; it always holds line 0. Lines end at
 * \n, \r\n or \r. tree-sitter counts rows at \n only; syn_lines_row translates.
 */
#ifndef ESPALIER_SYNTAX_LINES_H
#define ESPALIER_SYNTAX_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct syn_lines {
    uint32_t *start;
    size_t count, capacity; /* capacity <= SYN_MAX_BYTES + 1 */
    bool has_returns;       /* a \r has been seen; never cleared by edits */
};

/* False when memory ran out; lines is then empty. */
bool syn_lines_build(struct syn_lines *lines, const char *text, size_t len);
bool syn_lines_copy(struct syn_lines *lines, const struct syn_lines *from);
void syn_lines_free(struct syn_lines *lines);

/* Makes room so that a following syn_lines_edit that inserts this text cannot fail. */
bool syn_lines_reserve(struct syn_lines *lines, const char *insert, size_t insert_len);

/* The text has become `text` by replacing [start, old_end) with bytes that now end at
 * new_end. Call syn_lines_reserve before. */
void syn_lines_edit(struct syn_lines *lines, const char *text, size_t len, size_t start,
                    size_t old_end, size_t new_end);

/* The line that holds the offset. */
size_t syn_lines_find(const struct syn_lines *lines, size_t offset);

/* tree-sitter's row and column of the offset: lines end at \n alone. */
void syn_lines_row(const struct syn_lines *lines, const char *text, size_t offset, uint32_t *row,
                   uint32_t *column);

#endif
