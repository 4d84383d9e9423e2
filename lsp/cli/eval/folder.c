/* folder.c: see folder.h. Folders deeper than DEPTH_MAX are moved up to be emptied from there,
 * so that a chain of any depth needs a bounded number of descriptors.
 */
#include "lsp/cli/eval/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 32, ENTRIES_MAX = 20000, PASSES_MAX = 100000 };

static bool is_dots(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* A folder's entries; fd is taken over. */
static DIR *read_folder(int fd)
{
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir && fd >= 0) close(fd);
    return dir;
}

static int open_folder(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

struct count {
    uint64_t bytes, enough;
    unsigned entries;
};

static void count_below(int fd, int depth, struct count *c)
{
    DIR *dir = read_folder(fd);
    if (!dir) return;
    for (struct dirent *entry; c->bytes < c->enough && (entry = readdir(dir)) != NULL;) {
        struct stat info;
        if (is_dots(entry->d_name)) continue;
        if (++c->entries > ENTRIES_MAX || depth > DEPTH_MAX) {
            c->bytes = c->enough;
            break;
        }
        if (fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
        c->bytes += (uint64_t)info.st_blocks * 512;
        if (S_ISDIR(info.st_mode))
            count_below(open_folder(dirfd(dir), entry->d_name), depth + 1, c);
    }
    closedir(dir);
}

uint64_t cli_folder_bytes(const char *path, uint64_t enough)
{
    struct count c = {0, enough, 0};
    count_below(open_folder(AT_FDCWD, path), 0, &c);
    return c.bytes;
}

/* Returns how many entries are left that could not be removed. */
static unsigned empty(int fd, int top, int depth, unsigned *moved)
{
    unsigned left = 0;
    if (fd >= 0) fchmod(fd, 0700); /* it may have been closed to its owner */
    DIR *dir = read_folder(fd);
    if (!dir) return 1;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        int at = dirfd(dir);
        struct stat info;
        if (is_dots(entry->d_name) || unlinkat(at, entry->d_name, 0) == 0) continue;
        if (fstatat(at, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (!S_ISDIR(info.st_mode)) {
            left++;
            continue;
        }
        if (depth >= DEPTH_MAX) {
            char name[64];
            snprintf(name, sizeof name, ".deep-%u", (*moved)++);
            left += renameat(at, entry->d_name, top, name) != 0;
            continue;
        }
        fchmodat(at, entry->d_name, 0700, 0); /* no link: that was looked at, and nobody else is
                                                 writing any more */
        empty(open_folder(at, entry->d_name), top, depth + 1, moved);
        left += unlinkat(at, entry->d_name, AT_REMOVEDIR) != 0;
    }
    closedir(dir);
    return left;
}

bool cli_folder_empty(const char *path)
{
    unsigned moved = 0, before, left;
    int top = open_folder(AT_FDCWD, path), passes = 0;
    if (top < 0) return false;
    do { /* what was moved up while the folder was read is there in the next pass */
        before = moved;
        left = empty(open_folder(AT_FDCWD, path), top, 0, &moved);
    } while (moved > before && ++passes < PASSES_MAX);
    close(top);
    if (left) errno = ENOTEMPTY;
    return left == 0 && moved == before;
}
