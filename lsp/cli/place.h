/* place.h: LINE:COL on the command line, 1-based, columns in UTF-8 bytes. */
#ifndef ESPALIER_CLI_PLACE_H
#define ESPALIER_CLI_PLACE_H

#include "syntax/syntax.h"

struct cli_place {
    size_t line, column; /* 1-based */
};

/* Reads LINE:COL at the end of word; *path_len is what stands before it and its colon (0
 * when word is LINE:COL alone). False when it is not of that form. */
bool cli_place_parse(const char *word, struct cli_place *out, size_t *path_len);

/* Byte of the document. False after a message when there is no such place; path names the
 * file in it. */
bool cli_place_offset(const struct syn_document *doc, const char *path,
                      const struct cli_place *place, size_t *out);

#endif
