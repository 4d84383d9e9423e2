/* Patches: a diff, a zero byte, a text. Whatever it says, files stay below the folder, and what is
 * taken back of a text is made or refused with a reason. */
#include "lsp/cli/refactor/patch.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *patch = (const char *)data;
    const char *end = size > 0 ? memchr(patch, 0, size) : NULL;
    if (!end) return 0;
    size_t len = (size_t)(end - patch), at = 0, made_len;
    const char *text = end + 1;
    size_t text_len = size - len - 1;
    char why[CLI_PATCH_WHY];
    struct cli_patch_file file;
    while (cli_patch_next(patch, len, &at, &file, why)) {
        if (file.from > file.to || file.to > len || *file.path == '/') abort();
        if (strcmp(file.path, "..") == 0 || strncmp(file.path, "../", 3) == 0 ||
            strstr(file.path, "/../"))
            abort();
        char *made = cli_patch_reverse(patch, &file, text, text_len, &made_len, why);
        if (!made && !*why) abort();
        free(made);
    }
    return 0;
}
