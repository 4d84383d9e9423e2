/* locate.h: which model file to use when nobody said.
 *
 * In this order: the command line's or editor's path, the environment variable
 * ESPALIER_MODEL, the configuration's `model`, and then the first *.gguf (by name) of
 * <folder of the executable>/../engine/models (a build tree) and of
 * <folder of the executable>/../share/espalier/models (an installation).
 *
 * A path that was stated is taken as it is, and whether it can be opened is for
 * eng_model_open to say; folders are looked into only when nothing was stated.
 */
#ifndef ESPALIER_LSP_LOCATE_H
#define ESPALIER_LSP_LOCATE_H

#include "lsp/config.h"

struct lsp_locate_error {
    char text[2 * LSP_CONFIG_PATH_MAX + 512]; /* one line; lists what was tried */
};

/* explicit_path and config may be NULL. program: argv[0], for systems that do not tell
 * where the executable is. */
bool lsp_locate_model(const char *explicit_path, const struct lsp_config *config,
                      const char *program, char out[LSP_CONFIG_PATH_MAX],
                      struct lsp_locate_error *err);

/* The folder with the texts of the rules of reviews (a file a rule, of its code): of a build tree
 * grammars/review, of an installation share/doc/espalier/rules. False when there is none. */
bool lsp_locate_rules(const char *program, char out[LSP_CONFIG_PATH_MAX]);

/* Where a server keeps what it has evaluated, for the next one in the same folder with the same
 * model: a file of $XDG_CACHE_HOME/espalier, or ~/.cache/espalier. False when there is no such
 * place or the path is too long. folder: "" for none. Looks at nothing but the environment. */
bool lsp_locate_snapshot(const char *model, const char *folder, char out[LSP_CONFIG_PATH_MAX]);

/* Where what became of suggestions is written down: history.sqlite of $XDG_STATE_HOME/espalier, or
 * of ~/.local/state/espalier. False when there is no such place or the path is too long. */
bool lsp_locate_history(char out[LSP_CONFIG_PATH_MAX]);

/* Where it is kept which texts reviews have found nothing in: another file there. */
bool lsp_locate_reviewed(char out[LSP_CONFIG_PATH_MAX]);

/* Hashes that another file, or another state of a file, most likely does not have: of where it
 * lies, its size and its time. Of this program; and of the file at a path, added to a hash. */
uint64_t lsp_program_sum(void);
uint64_t lsp_file_sum(uint64_t sum, const char *path);

/* The socket of the user's daemon: a name of $XDG_RUNTIME_DIR/espalier, or of the folder of what is
 * kept, or where that is too long, of a folder of the user's in /tmp. The name differs between
 * builds of the program and between environments that change what a server reads. False when there
 * is no place with a path of less than max bytes. */
bool lsp_locate_socket(char *out, size_t max);

/* Where a server keeps its index of these folders: another file there. */
bool lsp_locate_index(const char *const *folders, size_t n, char out[LSP_CONFIG_PATH_MAX]);

#endif
