/* Files as a whole, and those that can be made anew. What is in them is their readers' to check. */
#include "lsp/kept.h"
#include "lsp/folders.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char *refuse(char why[LSP_KEPT_WHY], const char *what)
{
    snprintf(why, LSP_KEPT_WHY, "%s", what);
    return NULL;
}

static char *read_open(FILE *file, size_t least, size_t most, size_t *len, char why[LSP_KEPT_WHY])
{
    struct stat info;
    if (fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode)) return refuse(why, "not a file");
    if (info.st_size < 0 || (uint64_t)info.st_size < least || (uint64_t)info.st_size > most)
        return refuse(why, "of a size that none has");
    char *bytes = malloc((size_t)info.st_size + 1);
    if (!bytes) return refuse(why, "out of memory");
    *len = fread(bytes, 1, (size_t)info.st_size, file);
    return bytes;
}

char *lsp_kept_read(const char *path, size_t least, size_t most, size_t *len,
                    char why[LSP_KEPT_WHY])
{
    why[0] = 0;
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    char *bytes = read_open(file, least, most, len, why);
    fclose(file);
    return bytes;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

bool lsp_put_file(const char *path, mode_t mode, bool lasting, const char *bytes, size_t len)
{
    char beside[LSP_FOLDER_MAX];
    int n = snprintf(beside, sizeof beside, "%s.XXXXXX", path);
    errno = ENAMETOOLONG;
    if (n < 0 || (size_t)n >= sizeof beside) return false;
    int fd = mkstemp(beside); /* for its owner alone */
    if (fd < 0) return false;
    bool ok = (mode == 0600 || fchmod(fd, mode) == 0) && write_all(fd, bytes, len) &&
              (!lasting || fsync(fd) == 0);
    ok = close(fd) == 0 && ok && rename(beside, path) == 0;
    int why = errno;
    if (!ok) unlink(beside);
    errno = why;
    return ok;
}

bool lsp_kept_write(const char *path, const char *bytes, size_t len)
{
    lsp_make_folder_of(path); /* putting tells what is wrong */
    return lsp_put_file(path, 0600, false, bytes, len);
}
