/* files.h: reading test data. */
#ifndef ESPALIER_TESTS_ENGINE_FILES_H
#define ESPALIER_TESTS_ENGINE_FILES_H

#include <stddef.h>

/* The whole file and a terminating zero; the test fails when it cannot be read. free() it. */
char *read_whole(const char *path, size_t *len);

/* Calls check for each file of folder whose name ends in suffix, sorted by name, with the
 * path less the suffix; returns how many there were. */
size_t for_each_file(const char *folder, const char *suffix,
                     void (*check)(const char *stem, void *user), void *user);

#endif
