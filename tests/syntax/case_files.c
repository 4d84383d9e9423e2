#include "tests/syntax/case_files.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

size_t case_read(const char *path, char *out, size_t max)
{
    FILE *stream = fopen(path, "rb");
    if (!stream) fail_msg("%s cannot be read", path);
    size_t len = fread(out, 1, max, stream);
    fclose(stream);
    if (len == max) fail_msg("%s is longer than the %zu bytes that a test takes", path, max - 1);
    out[len] = 0;
    return len;
}

int case_each(const char *folder, void (*check)(const char *path, void *user), void *user)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort), cases = 0;
    if (n < 0) fail_msg("%s cannot be read", folder);
    for (int i = 0; i < n; i++) {
        char path[2048];
        const char *ending = strrchr(entries[i]->d_name, '.');
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (ending && !strcmp(ending, ".case")) {
            check(path, user);
            cases++;
        }
        free(entries[i]);
    }
    free(entries);
    return cases;
}

struct syn_document *case_document(const struct gram_language *lang, const char *text, size_t len)
{
    struct syn_document *doc;
    assert_int_equal(syn_document_new(lang, text, len, &doc, NULL), SYN_OK);
    assert_int_equal(syn_document_parse(doc, 0, NULL), SYN_OK);
    return doc;
}
