/* compare.h: what one model file loses against another, for all verbs that tell it. */
#ifndef ESPALIER_CLI_COMPARE_H
#define ESPALIER_CLI_COMPARE_H

#include "lsp/cli/eval/eval.h"

/* Compares model b with model a on the held-out files and folders in paths, as eval's options (n,
 * seed, kind, context, outline) say; its models and corpus are set here. Prints the report, or,
 * where document is not NULL, leaves it there, the caller's to free. False after a message. */
bool cli_compare(struct cli_eval *eval, const char *a, const char *b, const char *const *paths,
                 size_t n_paths, cJSON **document);

#endif
