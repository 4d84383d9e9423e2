/* reverse.h: what was done, undone. */
#ifndef ESPALIER_CLI_REFACTOR_REVERSE_H
#define ESPALIER_CLI_REFACTOR_REVERSE_H

#include "lsp/cli/cli.h"

/* Takes a saved diff of `espalier refactor` back in the files that it names: in all of them, or,
 * when one is no longer what the diff made, in none. Exit code; messages are printed. */
int cli_reverse(const struct cli *cli, const char *patch_path);

#endif
