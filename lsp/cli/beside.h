/* beside.h: what the server would know of the other files of a workspace in which it has one file
 * open and nothing else.
 *
 * The workspace is the nearest folder upwards from the file that holds an espalier.json or a .git,
 * else the file's own. Of its other files come what `context.near` and `context.used`, `pair` and
 * `siblings` say; `context.recent` says nothing, as no other file was open.
 *
 * Bounded, however large the workspace is: the files near by are looked for from the file outwards
 * (see IDX_NEAR_NAMES). The other sources, where they are switched on, need an index. It is the one
 * that a server has left in its cache, which is only read; without it, one of the CLI_BESIDE_FILES
 * files that come first outwards.
 */
#ifndef ESPALIER_CLI_BESIDE_H
#define ESPALIER_CLI_BESIDE_H

#include "lsp/assist/extra.h"
#include "lsp/assist/shelf.h"
#include "lsp/cli/cli.h"
#include "lsp/index/store.h"

#define CLI_BESIDE_FILES 300u

struct cli_beside;

/* The file's absolute path and its workspace; false when it has none, as a pipe. */
bool cli_workspace_of(const char *file, char path[IDX_MAX_PATH], char root[IDX_MAX_PATH]);

/* For a place of the document, by the configuration. False after a message. */
bool cli_beside_open(const struct cli *cli, const struct eng_model *model,
                     const struct syn_document *doc, size_t offset, const char *path,
                     const char *root, struct cli_beside **out);
void cli_beside_close(struct cli_beside *beside); /* takes NULL */

/* Both belong to it; NULL: nothing. */
struct asst_shelf *cli_beside_shelf(const struct cli_beside *beside);
const struct asst_extra *cli_beside_extra(const struct cli_beside *beside);

/* Files near by that were read. */
size_t cli_beside_files(const struct cli_beside *beside);

#endif
