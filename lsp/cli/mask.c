/* mask.c: drawing the parent mask.
 *
 * The mask is computed cell by cell from the records, as the engine does; it is never
 * stored. A character cell of the coloured form holds two rows: the upper half block in
 * one colour over a background of the other.
 */
#include "lsp/cli/mask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FUTURE = SYN_RELATION_COUNT, DEFAULT_WIDTH = 100 };

/* One look a relation; FUTURE is the part above the diagonal. rank: what a cell that
 * stands for several tokens shows first. */
static const struct look {
    char plain;
    unsigned char colour; /* of the 256 */
    unsigned char rank;
    const char *name;
} looks[] = {
    [SYN_RELATION_ELSEWHERE] = {'.', 236, 1, "elsewhere"},
    [SYN_RELATION_ANCESTOR_1] = {'1', 196, 12, "start of the innermost node"},
    [2] = {'2', 202, 11, NULL},
    [3] = {'3', 208, 10, NULL},
    [4] = {'4', 214, 9, NULL},
    [5] = {'5', 220, 8, NULL},
    [6] = {'6', 226, 7, NULL},
    [7] = {'7', 190, 6, NULL},
    [8] = {'8', 154, 5, "start of ancestor 8"},
    [SYN_RELATION_SAME_NODE] = {'o', 33, 3, "same node"},
    [SYN_RELATION_SIBLING] = {'s', 51, 4, "start of an earlier sibling"},
    [SYN_RELATION_SEGMENT] = {'|', 240, 2, "other segment"},
    [FUTURE] = {' ', 16, 0, NULL},
};

bool cli_mask_style_by_name(const char *name, enum cli_mask_style *out)
{
    *out = CLI_MASK_PLAIN;
    if (strcmp(name, "never") == 0) return true;
    if (strcmp(name, "always") == 0)
        *out = CLI_MASK_COLOUR;
    else if (strcmp(name, "auto") != 0)
        return false;
    else if (isatty(STDOUT_FILENO))
        *out = CLI_MASK_COLOUR;
    return true;
}

static size_t terminal_width(void)
{
    const char *columns = getenv("COLUMNS");
    long n = columns ? strtol(columns, NULL, 10) : 0;
    return n > 0 && n <= 4096 ? (size_t)n : DEFAULT_WIDTH;
}

/* The look of the cell at (row, column), step tokens to a side. */
static const struct look *cell(const struct syn_record *records, size_t count, size_t row,
                               size_t column, size_t step)
{
    const struct look *best = &looks[FUTURE];
    for (size_t i = row * step; i < (row + 1) * step && i < count; i++)
        for (size_t j = column * step; j < (column + 1) * step && j <= i; j++) {
            unsigned r = syn_relation_of(&records[i], (int32_t)i, &records[j], (int32_t)j);
            const struct look *look = &looks[r < SYN_RELATION_COUNT ? r : 0];
            if (look->rank > best->rank) best = look;
        }
    return best;
}

static void print_legend(enum cli_mask_style style, size_t count, size_t step)
{
    for (int r = 0; r < SYN_RELATION_COUNT; r++) {
        if (!looks[r].name) continue;
        if (style == CLI_MASK_COLOUR)
            printf("\033[48;5;%um  \033[0m %s  ", looks[r].colour, looks[r].name);
        else
            printf("%c %s  ", looks[r].plain, looks[r].name);
    }
    printf("\n%zu tokens", count);
    if (step > 1) printf(", %zu to a cell", step);
    putchar('\n');
}

void cli_mask_print(const struct syn_record *records, size_t count, size_t width,
                    enum cli_mask_style style)
{
    if (width == 0) width = terminal_width();
    size_t step = (count + width - 1) / width;
    if (step == 0) step = 1;
    size_t cells = (count + step - 1) / step;
    for (size_t row = 0; row < cells; row += style == CLI_MASK_COLOUR ? 2 : 1) {
        for (size_t column = 0; column < cells && column <= row + 1; column++) {
            const struct look *upper = cell(records, count, row, column, step);
            if (style == CLI_MASK_PLAIN) {
                if (column <= row) putchar(upper->plain);
                continue;
            }
            const struct look *lower = cell(records, count, row + 1, column, step);
            printf("\033[38;5;%u;48;5;%um\xE2\x96\x80", upper->colour, lower->colour);
        }
        puts(style == CLI_MASK_COLOUR ? "\033[0m" : "");
    }
    print_legend(style, count, step);
}
