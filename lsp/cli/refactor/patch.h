/* patch.h: unified diffs, taken back. Bytes are hostile until checked; nothing is written. */
#ifndef ESPALIER_CLI_REFACTOR_PATCH_H
#define ESPALIER_CLI_REFACTOR_PATCH_H

#include <stdbool.h>
#include <stddef.h>

enum { CLI_PATCH_PATH = 4096, CLI_PATCH_WHY = 256 };

/* What a patch says of one file. */
struct cli_patch_file {
    char path[CLI_PATCH_PATH]; /* without "b/" */
    size_t from, to;           /* bytes of the patch that its hunks are */
};

/* The next file from byte *at on, which is moved behind it. False at the end, with an empty `why`,
 * and where the text is no patch of files that stay in their place below this folder. */
bool cli_patch_next(const char *patch, size_t len, size_t *at, struct cli_patch_file *out,
                    char why[CLI_PATCH_WHY]);

/* The text as it was before the file's hunks; the caller frees. NULL with why when the text is not
 * what they made, or memory ran out. */
char *cli_patch_reverse(const char *patch, const struct cli_patch_file *file, const char *text,
                        size_t text_len, size_t *len, char why[CLI_PATCH_WHY]);

#endif
