/* replace.h: a file's text, replaced as a whole. */
#ifndef ESPALIER_CLI_REPLACE_H
#define ESPALIER_CLI_REPLACE_H

#include <stdbool.h>
#include <stddef.h>

/* Puts new text into the file at path: into a file beside it, which then takes its name, so that
 * there is the old text or the new one at all times. The mode stays. False, with a message in
 * error[error_size], when the file is a link, no longer has the old text, or cannot be written; it
 * is unchanged then. */
bool cli_replace_file(const char *path, const char *old_text, size_t old_len, const char *text,
                      size_t len, char *error, size_t error_size);

#endif
