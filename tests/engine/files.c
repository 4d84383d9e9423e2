/* files.c: reading test data; failures are test failures. */
#include "tests/engine/files.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATH_BYTES 1024

char *read_whole(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("cannot open %s", path);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    text[size] = 0;
    *len = (size_t)size;
    return text;
}

size_t for_each_file(const char *folder, const char *suffix,
                     void (*check)(const char *stem, void *user), void *user)
{
    struct dirent **entries;
    size_t found = 0, tail = strlen(suffix);
    int n = scandir(folder, &entries, NULL, alphasort);
    if (n < 0) fail_msg("cannot read the folder %s", folder);
    for (int i = 0; i < n; i++) {
        char stem[PATH_BYTES];
        size_t len = strlen(entries[i]->d_name);
        if (len > tail && strcmp(entries[i]->d_name + len - tail, suffix) == 0) {
            snprintf(stem, sizeof stem, "%s/%.*s", folder, (int)(len - tail), entries[i]->d_name);
            check(stem, user);
            found++;
        }
        free(entries[i]);
    }
    free(entries);
    return found;
}
