/* Replacing a file's text: only the text that was read, and never through a link. */
#include "lsp/cli/replace.h"
#include "lsp/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool has_text(int file, const char *text, size_t len)
{
    char block[65536];
    size_t at = 0;
    for (ssize_t n; (n = read(file, block, sizeof block)) != 0; at += (size_t)n)
        if (n < 0 || (size_t)n > len - at || memcmp(block, text + at, (size_t)n) != 0) return false;
    return at == len;
}

/* NULL, or why the file may not be replaced; its mode. */
static const char *check(const char *path, const char *text, size_t len, mode_t *mode)
{
    struct stat info;
    int file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0)
        return errno == ELOOP ? "is a link, which is not followed to write" : strerror(errno);
    bool regular = fstat(file, &info) == 0 && S_ISREG(info.st_mode);
    bool same = regular && has_text(file, text, len);
    close(file);
    *mode = info.st_mode & 07777;
    return !regular ? "is no regular file" : !same ? "has changed since it was read" : NULL;
}

bool cli_replace_file(const char *path, const char *old_text, size_t old_len, const char *text,
                      size_t len, char *error, size_t error_size)
{
    mode_t mode = 0;
    const char *why = check(path, old_text, old_len, &mode);
    if (!why && !lsp_put_file(path, mode, true, text, len)) why = strerror(errno);
    if (why) snprintf(error, error_size, "%s: %s: its fixes are not written", path, why);
    return !why;
}
