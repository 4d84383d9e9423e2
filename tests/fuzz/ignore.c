/* Rules of ignore files: the first line is a path, the rest the rules; any bytes. */
#include "lsp/index/ignore.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    size_t len = newline ? (size_t)(newline - data) : size;
    size_t skip = newline ? len + 1 : len;
    char *path = malloc(len + 1), *rules = malloc(size - skip + 1);
    if (path && rules) {
        memcpy(path, data, len);
        path[len] = 0;
        memcpy(rules, data + skip, size - skip);
        struct idx_ignore *ignore = idx_ignore_read(rules, size - skip);
        if (ignore) {
            if (idx_ignore_count(ignore) > IDX_IGNORE_MAX_RULES) abort();
            idx_ignore_match(ignore, path, false);
            idx_ignore_match(ignore, path, true);
        }
        idx_ignore_free(ignore);
    }
    free(path);
    free(rules);
    return 0;
}
