/* kept.h: files put in their place as a whole, and those that can be made anew when they are lost.
 *
 * What is put is written beside its place and then takes its name, so that a reader never sees half
 * of it. What can be made anew is for its owner alone (0600, in a folder of 0700). Any thread.
 */
#ifndef ESPALIER_LSP_KEPT_H
#define ESPALIER_LSP_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define LSP_KEPT_WHY 128

/* All of a file of least to most bytes; the caller frees. NULL when there is none, with an empty
 * `why`, or when it is not to be read: why says what was wrong. */
char *lsp_kept_read(const char *path, size_t least, size_t most, size_t *len,
                    char why[LSP_KEPT_WHY]);

/* lasting: on the disk when this returns. False, with errno, when it could not be written; what was
 * there before is there still. */
bool lsp_put_file(const char *path, mode_t mode, bool lasting, const char *bytes, size_t len);

/* False when it could not be written; what was there before is there still. */
bool lsp_kept_write(const char *path, const char *bytes, size_t len);

#endif
