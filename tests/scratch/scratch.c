/* Removing what a test left, from the leaves up. */
#include "tests/scratch/scratch.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void scratch_remove(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        char below[4096];
        struct stat info;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        if (lstat(below, &info) == 0 && S_ISDIR(info.st_mode)) scratch_remove(below);
        unlink(below);
    }
    if (dir) closedir(dir);
    rmdir(path);
}
