/* Lines of benchmark files: any bytes are either a whole task or an error that says why. */
#include "lsp/cli/eval/tasks.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cli_task task;
    char why[160] = "";
    /* A copy of just its size: the line needs no zero byte at its end. */
    char *text = malloc(size ? size : 1);
    if (!text) return 0;
    memcpy(text, data, size);
    bool ok = cli_task_parse(text, size, &task, why);
    free(text);
    if (!ok && !why[0]) abort();
    if (ok && !(task.id && task.before && task.after && task.truth && task.head && task.tail))
        abort();
    for (size_t i = 0; ok && i < task.n_tests; i++)
        if (!task.tests[i].input || task.tests[i].n_outputs == 0) abort();
    cli_task_free(&task);
    return 0;
}
