/* rule_files.h: rules that users keep in folders. */
#ifndef ESPALIER_CLI_RULE_FILES_H
#define ESPALIER_CLI_RULE_FILES_H

#include "syntax/syntax.h"

/* Takes one rule; false after a message in err. */
typedef bool (*cli_on_rule)(const char *code, const char *text, size_t len, void *user,
                            struct syn_error *err);

/* Hands over folder/<language>/<code><suffix>, by their names. False after a message that names the
 * file. */
bool cli_rule_files(const char *folder, const char *language, const char *suffix, cli_on_rule add,
                    void *user);

/* The folder that was stated, or the usual one if it is there; else NULL. */
const char *cli_rule_folder(const char *stated, const char *usual);

#endif
