/* folders.c: folders from the top down, as mkdir -p -m 700 makes them.
 *
 * Knows no names of folders: those are locate.c's. */
#include "lsp/folders.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

bool lsp_make_folder_of(const char *path)
{
    char folder[LSP_FOLDER_MAX];
    const char *last = strrchr(path, '/');
    size_t len = last ? (size_t)(last - path) : 0;
    if (len >= sizeof folder) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(folder, path, len);
    folder[len] = 0;
    for (size_t i = 1; i <= len; i++) {
        if (folder[i] != '/' && folder[i]) continue;
        char was = folder[i];
        folder[i] = 0;
        if (mkdir(folder, 0700) != 0 && errno != EEXIST) return false;
        folder[i] = was;
    }
    return true;
}
