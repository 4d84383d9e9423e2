/* folders.h: places for what is the user's alone. */
#ifndef ESPALIER_LSP_FOLDERS_H
#define ESPALIER_LSP_FOLDERS_H

#include <stdbool.h>

#define LSP_FOLDER_MAX 4096

/* Makes the folder that the file at path lies in, with all above it that are missing, for their
 * owner alone: what is kept there tells what was edited. False, with errno set, when one cannot be
 * made. */
bool lsp_make_folder_of(const char *path);

#endif
