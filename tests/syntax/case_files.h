/* case_files.h: files of cases and the sample sources they speak of, for tests under cmocka.
 * Whatever cannot be read fails the test and says which path it was. */
#ifndef ESPALIER_TESTS_SYNTAX_CASE_FILES_H
#define ESPALIER_TESTS_SYNTAX_CASE_FILES_H

#include "syntax/syntax.h"

/* The whole file into out[max], with a zero behind it; what does not fit fails. Returns its
 * bytes. */
size_t case_read(const char *path, char *out, size_t max);

/* Calls check for each NAME.case of a folder, in the order of the names. Returns how many. */
int case_each(const char *folder, void (*check)(const char *path, void *user), void *user);

/* A parsed document of the caller's. */
struct syn_document *case_document(const struct gram_language *lang, const char *text, size_t len);

#endif
