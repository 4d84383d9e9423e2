/* workspace.h: the other files of a hole's package, as an editor with an index would have them.
 *
 * A package is indexed when its first hole comes. The hole's own file is indexed as it is with the
 * hole in it. There is no editing history in a corpus: the four files of the package whose paths
 * have the most in common with the hole's stand for what was open before. The files near it are as
 * they stand on the disk.
 */
#ifndef ESPALIER_CLI_WORKSPACE_H
#define ESPALIER_CLI_WORKSPACE_H

#include "lsp/assist/extra.h"
#include "lsp/assist/shelf.h"
#include "lsp/cli/eval/contest.h"
#include "lsp/index/select.h"

struct cli_workspace;

struct cli_workspace *cli_workspace_open(void); /* NULL: out of memory */
void cli_workspace_close(struct cli_workspace *workspace);

/* What the sources have for the hole; valid until the next call. package: the corpus's name of its
 * package. False when out of memory. */
bool cli_workspace_select(struct cli_workspace *workspace, const struct cli_case *open,
                          const char *package, unsigned sources, struct asst_extra *out);

/* What the files near the hole's own say, without it; NULL when there are none. The caller releases
 * it. False when out of memory. */
bool cli_workspace_shelf(struct cli_workspace *workspace, const struct cli_case *open,
                         const char *package, const struct eng_model *model,
                         struct asst_shelf **out);

#endif
