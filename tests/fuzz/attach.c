/* The line that a client's process sends to the daemon, without its end; any bytes. What is read
 * is written and read again: the same. */
#include "lsp/server/attach.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lsp_error err;
    struct lsp_attach *two = malloc(2 * sizeof *two);
    char *line = malloc(size + 1); /* of just the size: reading behind it is seen */
    if (two && line) {
        memcpy(line, data, size);
        if (lsp_attach_read(line, size, &two[0], &err)) {
            char *again = lsp_attach_write(&two[0]);
            if (again && !lsp_attach_read(again, strlen(again) - 1, &two[1], &err)) abort();
            if (again &&
                (strcmp(two[0].model, two[1].model) != 0 || two[0].threads != two[1].threads ||
                 two[0].attention.kind != two[1].attention.kind))
                abort();
            free(again);
        }
    }
    free(two);
    free(line);
    return 0;
}
