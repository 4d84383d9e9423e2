/* list.h: places, and what would stand there, as lines or as JSON. */
#ifndef ESPALIER_CLI_REFACTOR_LIST_H
#define ESPALIER_CLI_REFACTOR_LIST_H

#include "lsp/assist/refactor/refactor.h"

struct cli_list;

/* NULL when memory ran out. */
struct cli_list *cli_list_begin(bool json);

/* Prints, or keeps for the end, the places of one file. */
void cli_list_add(struct cli_list *list, const char *path, const struct syn_document *doc,
                  const struct ref_changes *changes);

/* Prints what was kept and frees. False when memory ran out on the way: then nothing was. */
bool cli_list_end(struct cli_list *list);

#endif
