/* copy.h: model files that differ from another in some keys or tensors. */
#ifndef ESPALIER_CLI_COPY_H
#define ESPALIER_CLI_COPY_H

#include "engine/gguf.h"

/* Puts all keys of a file but those that `without` names; a name that ends in a dot stands for
 * all that begin with it. The list ends with NULL. */
void cli_copy_keys(const struct eng_gguf *from, const char *const *without,
                   struct eng_gguf_writer *to);

/* Puts one tensor as it is; the file has to stay open until the writer has saved. */
void cli_copy_tensor(const struct eng_tensor *tensor, struct eng_gguf_writer *to);

/* Whether both paths lead to one file that exists. */
bool cli_same_file(const char *a, const char *b);

#endif
