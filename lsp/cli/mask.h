/* mask.h: the parent mask as a picture in the terminal. */
#ifndef ESPALIER_CLI_MASK_H
#define ESPALIER_CLI_MASK_H

#include "syntax/syntax.h"

enum cli_mask_style { CLI_MASK_PLAIN, CLI_MASK_COLOUR };

/* "auto" (colour when stdout is a terminal), "always", "never". */
bool cli_mask_style_by_name(const char *name, enum cli_mask_style *out);

/* Prints r(i, j) for all tokens, row i, column j, and the legend. width: columns at most,
 * 0 for the terminal's; more tokens than that are drawn several to a cell, which then
 * shows its most telling relation. */
void cli_mask_print(const struct syn_record *records, size_t count, size_t width,
                    enum cli_mask_style style);

#endif
